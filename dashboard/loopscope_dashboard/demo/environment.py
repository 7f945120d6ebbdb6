"""The variables that the service reads; a module that costs its pool's workers nothing to import."""

VENDORS = "PODCAST_VENDORS"  # address of the speech vendor
SICK = "PODCAST_SICK"  # when set, ailments can be planted
