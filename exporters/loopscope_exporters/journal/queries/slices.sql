-- When a long step, whatever its task, kept a loop of this process busy between :since and :until.
SELECT started, ended FROM slices WHERE ended > :since AND started < :until
