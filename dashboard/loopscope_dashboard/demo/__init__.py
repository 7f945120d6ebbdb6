"""A podcast engine to look at: a healthy FastAPI service, and five ailments that can be planted in it.

Begin with `podcasts`, what the service does; `app` is its web face, `service` its process. `ailments`
holds one incident per file. `runner` starts everything, `use` sends articles.
"""
