-- One journal segment: what one process recorded until the segment was full or the process ended.
-- Times are wall time in ns since the epoch, 0 means "not yet" or "unknown". Ids are 64-bit and never repeat
-- across processes; 0 means "none". Finished work is append-only; open work stands in the open_* tables, which
-- are rewritten at each drain, so that after a SIGKILL they say what was open at the last drain.

CREATE TABLE process (                 -- one row
    schema          INTEGER NOT NULL,  -- version of this file's layout
    id              INTEGER NOT NULL,  -- id of the process, the same in all its segments
    service         TEXT    NOT NULL,
    host            TEXT    NOT NULL,
    pid             INTEGER NOT NULL,
    parent_pid      INTEGER NOT NULL,
    started         INTEGER NOT NULL,  -- when loopscope was installed in it
    python          TEXT    NOT NULL,
    version         TEXT    NOT NULL,  -- of loopscope
    boot_ticks      INTEGER NOT NULL,  -- start time of the pid as the kernel counts it, tells a reused pid from ours
    segment         INTEGER NOT NULL,  -- number of this segment within the process, from 0
    opened          INTEGER NOT NULL,  -- when this segment began
    heartbeat       INTEGER NOT NULL,  -- last drain
    drift           INTEGER NOT NULL,  -- how far the computer's clock had run ahead of this file's by then (suspends)
    sealed          INTEGER NOT NULL,  -- when the segment was complete: a newer one follows, or the process ended
    ended           INTEGER NOT NULL,  -- when the process said goodbye; 0 and no such pid: it died
    dropped         INTEGER NOT NULL,  -- records lost to full buffers or a failing disk; should be 0
    open_since      INTEGER NOT NULL,  -- rows that waits had when the open_* tables were last brought up to date
    stuck_after     INTEGER NOT NULL   -- ns without progress after which this service calls a job stuck
);

CREATE TABLE marks (                   -- how many rows the long tables had, each second: later rows ended after "at"
    at              INTEGER NOT NULL,
    tasks           INTEGER NOT NULL,
    waits           INTEGER NOT NULL,
    holds           INTEGER NOT NULL,
    items           INTEGER NOT NULL
);

CREATE TABLE places (                  -- source lines, each once per segment
    id              INTEGER PRIMARY KEY,
    file            TEXT    NOT NULL,
    line            INTEGER NOT NULL,
    function        TEXT    NOT NULL   -- qualified name
);

CREATE TABLE resources (               -- what one can wait for; repeated in each segment that mentions it
    id              INTEGER NOT NULL,
    kind            TEXT    NOT NULL,  -- semaphore, lock, condition, event, queue, barrier, limiter, executor, connection_pool, http
    name            TEXT    NOT NULL,  -- the variable it was assigned to, or the host
    capacity        INTEGER NOT NULL,  -- permits, workers, length of a queue; 0: unbounded or unknown
    place           INTEGER NOT NULL,  -- where it was created
    workers         TEXT    NOT NULL   -- of an executor: threads, processes, or inherited: a forked copy without its threads
);

CREATE TABLE open_resources (          -- what is in resources now, where anything is
    id              INTEGER NOT NULL,
    in_use          INTEGER NOT NULL,  -- permits, busy workers, messages in a queue
    waiting         INTEGER NOT NULL,  -- waiters; items queued for an executor
    unfinished      INTEGER NOT NULL,  -- of a queue: messages put in and not reported done
    handed          INTEGER NOT NULL   -- permits that were released by others than their holders
);

CREATE TABLE open_partners (           -- tasks that act on a queue, an event or a condition that is waited for
    resource        INTEGER NOT NULL,
    task            INTEGER NOT NULL,
    role            TEXT    NOT NULL,  -- take, put, report (done), signal
    place           INTEGER NOT NULL,  -- where it did so first
    count           INTEGER NOT NULL,
    last            INTEGER NOT NULL,
    caller          INTEGER NOT NULL   -- place: who called the function that did so
);

CREATE TABLE findings (                -- what the process itself found to be wrong, once each; again when over
    at              INTEGER NOT NULL,
    over            INTEGER NOT NULL,  -- 1: from `at` on it was no longer found
    kind            TEXT    NOT NULL,
    severity        TEXT    NOT NULL,  -- info, warning, critical
    confidence      REAL    NOT NULL,  -- 0 to 1
    job             TEXT    NOT NULL,  -- name and key
    victims         TEXT    NOT NULL,  -- names, a line each
    resource        TEXT    NOT NULL,
    place           INTEGER NOT NULL,  -- the culprit
    code            TEXT    NOT NULL,  -- text of that line
    since           INTEGER NOT NULL,
    evidence        TEXT    NOT NULL,  -- JSON object of numbers
    explain         TEXT    NOT NULL,
    fix             TEXT    NOT NULL
);

CREATE TABLE jobs (
    id              INTEGER NOT NULL,
    name            TEXT    NOT NULL,
    key             TEXT    NOT NULL,
    kind            TEXT    NOT NULL,  -- job, http, background
    parent          INTEGER NOT NULL,  -- job
    root_task       INTEGER NOT NULL,  -- the task that opened it; it may serve other jobs before and after
    place           INTEGER NOT NULL,
    started         INTEGER NOT NULL,
    ended           INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,  -- ok, error, cancelled
    exception       TEXT    NOT NULL,  -- its type
    progress        INTEGER NOT NULL,  -- when anything of it last moved
    thinned         INTEGER NOT NULL,  -- its tasks that were counted and not kept, for there was too much to keep
    stuck           INTEGER NOT NULL   -- 1: it is open, and nothing of it has moved for too long
);
CREATE TABLE open_jobs AS SELECT * FROM jobs;

CREATE TABLE tasks (
    id              INTEGER NOT NULL,
    job             INTEGER NOT NULL,
    parent          INTEGER NOT NULL,  -- the task that created it
    name            TEXT    NOT NULL,
    coroutine       TEXT    NOT NULL,  -- qualified name
    place           INTEGER NOT NULL,  -- creation site
    created         INTEGER NOT NULL,
    first_run       INTEGER NOT NULL,
    ended           INTEGER NOT NULL,
    last_ran        INTEGER NOT NULL,  -- end of its last step
    running         INTEGER NOT NULL,  -- ns on the loop, in all
    steps           INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,  -- ok, error, cancelled, never_started, destroyed_pending
    exception       TEXT    NOT NULL,  -- its type
    raised_at       INTEGER NOT NULL,  -- place
    cancelled_by    INTEGER NOT NULL,  -- the task that cancelled it, or what it waited for, last; where that was seen
    cancelled_at    INTEGER NOT NULL   -- place: the line that did so; a task may survive it
);
CREATE TABLE open_tasks AS SELECT * FROM tasks;

CREATE TABLE waits (
    task            INTEGER NOT NULL,
    job             INTEGER NOT NULL,
    kind            TEXT    NOT NULL,  -- a resource's kind, or io, write, child, http, sleep, gather, task, future
    resource        INTEGER NOT NULL,
    place           INTEGER NOT NULL,  -- innermost line of the user's own code
    detail          TEXT    NOT NULL,  -- the library function that waits, or the remote host
    started         INTEGER NOT NULL,
    ended           INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,  -- ok, cancelled, error
    held_by         TEXT    NOT NULL,  -- ids of the tasks that held the resource when the wait began, with spaces
    awaits          TEXT    NOT NULL,  -- ids of the tasks whose end it waits for, with spaces
    until           INTEGER NOT NULL,  -- when a time-out ends it; 0 none was set, -1 nobody has looked, -2 it cannot be seen
    repeated        INTEGER NOT NULL   -- place: the line of a "for" loop of the user's that leads to it
);
CREATE TABLE open_waits AS SELECT * FROM waits;

CREATE TABLE holds (                   -- only those that somebody waited for, or that were long
    id              INTEGER NOT NULL,
    task            INTEGER NOT NULL,
    job             INTEGER NOT NULL,
    resource        INTEGER NOT NULL,
    place           INTEGER NOT NULL,  -- where it was acquired
    acquired        INTEGER NOT NULL,
    released        INTEGER NOT NULL
);
CREATE TABLE open_holds AS SELECT * FROM holds;

CREATE TABLE items (                   -- work items given to executors
    id              INTEGER NOT NULL,
    task            INTEGER NOT NULL,  -- the task that submitted it
    job             INTEGER NOT NULL,
    executor        INTEGER NOT NULL,  -- resource
    function        TEXT    NOT NULL,
    place           INTEGER NOT NULL,  -- where it was submitted
    submitted       INTEGER NOT NULL,
    started         INTEGER NOT NULL,
    ended           INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,  -- ok, error, cancelled
    exception       TEXT    NOT NULL,
    worker          TEXT    NOT NULL,  -- name of the thread, or of the process with its pid
    depth           INTEGER NOT NULL,  -- items queued before it when it was submitted
    outer           INTEGER NOT NULL,  -- the item in which it was submitted, maybe one of another process
    standing        INTEGER NOT NULL,  -- place: the user's innermost line in its thread, once it ran long
    waits_for       TEXT    NOT NULL,  -- the library function that its thread waited in
    awaits          INTEGER NOT NULL,  -- the item or the task whose result that is
    process         INTEGER NOT NULL   -- pid of the pool's process that runs it; 0: a thread of this one, or queued
);
CREATE TABLE open_items AS SELECT * FROM items;  -- with what this process runs for another one's pool, same ids

CREATE TABLE slices (                  -- long steps of a task on its loop
    task            INTEGER NOT NULL,
    job             INTEGER NOT NULL,
    started         INTEGER NOT NULL,
    ended           INTEGER NOT NULL
);

CREATE TABLE blocks (                  -- intervals in which a loop's thread did not come back to its loop
    id              INTEGER NOT NULL,
    thread          TEXT    NOT NULL,
    task            INTEGER NOT NULL,
    job             INTEGER NOT NULL,
    started         INTEGER NOT NULL,
    ended           INTEGER NOT NULL,
    cause           TEXT    NOT NULL,  -- blocking_call, own_loop, cpu, gil, gc, import, host_paused
    cpu             INTEGER NOT NULL,  -- ns of processor time the loop's thread used meanwhile
    file            TEXT    NOT NULL,  -- culprit: innermost frame of the user's own code
    line            INTEGER NOT NULL,
    function        TEXT    NOT NULL,
    call            TEXT    NOT NULL,  -- text of that line
    stack           TEXT    NOT NULL,  -- a frame a line, outermost first: file:line in function
    waits_for       TEXT    NOT NULL,  -- the library function in which the thread waited
    holder          TEXT    NOT NULL,  -- the other thread that kept the GIL, if any
    queued          INTEGER NOT NULL   -- ns its thread queued for a processor
);
CREATE TABLE open_blocks AS SELECT * FROM blocks;

CREATE TABLE faults (                  -- what went wrong in the life of a task without anybody being told
    id              INTEGER NOT NULL,
    kind            TEXT    NOT NULL,  -- never_awaited, collected, unretrieved, over_released, wrong_thread, ...
    at              INTEGER NOT NULL,
    ended           INTEGER NOT NULL,  -- as "at" of what happens at once
    task            INTEGER NOT NULL,  -- to whose life it belongs
    job             INTEGER NOT NULL,
    resource        INTEGER NOT NULL,
    subject         TEXT    NOT NULL,  -- name of the coroutine, task or resource that it happened to
    site            INTEGER NOT NULL,  -- place where that was created
    place           INTEGER NOT NULL,  -- the line that did it
    done_by         INTEGER NOT NULL,  -- the task that did it
    exception       TEXT    NOT NULL,  -- its type
    detail          TEXT    NOT NULL,
    times           INTEGER NOT NULL   -- how often, where many alike came at once
);
CREATE TABLE open_faults AS SELECT * FROM faults;

CREATE TABLE samples (                 -- what the process used, each second
    at              INTEGER NOT NULL,
    cpu             INTEGER NOT NULL,  -- ns since start, all threads
    memory          INTEGER NOT NULL,  -- resident bytes
    threads         INTEGER NOT NULL,
    files           INTEGER NOT NULL,  -- open file descriptors
    own_cpu         INTEGER NOT NULL,  -- ns since start used by loopscope's own threads
    lag             INTEGER NOT NULL   -- longest busy time of any loop since the last sample, ns
);

CREATE TABLE lags (                    -- iterations of loops that took longer than the block threshold
    thread          TEXT    NOT NULL,
    started         INTEGER NOT NULL,
    ended           INTEGER NOT NULL
);

CREATE TABLE loop_uses (               -- what each loop did in the "span" ns before "at", each second
    at              INTEGER NOT NULL,
    span            INTEGER NOT NULL,
    thread          TEXT    NOT NULL,
    busy            INTEGER NOT NULL,  -- ns outside its sleep
    iterations      INTEGER NOT NULL,
    overslept       INTEGER NOT NULL,  -- ns it came back later from its sleeps than it had asked for
    queued          INTEGER NOT NULL   -- ns its thread queued for a processor
);

CREATE TABLE hotspots (                -- lines on which busy threads often stood in the "span" ns before "at"
    at              INTEGER NOT NULL,
    span            INTEGER NOT NULL,
    thread          TEXT    NOT NULL,
    role            TEXT    NOT NULL,  -- loop: a loop's thread outside its sleep; thread: any other
    place           INTEGER NOT NULL,
    looks           INTEGER NOT NULL,  -- looks that found it there
    looked          INTEGER NOT NULL,  -- of so many
    cpu             INTEGER NOT NULL,  -- ns of processor time the thread used in the span
    item            INTEGER NOT NULL   -- the work item it ran
);

CREATE TABLE spins (                   -- tasks that gave way again and again to nobody
    at              INTEGER NOT NULL,
    span            INTEGER NOT NULL,
    task            INTEGER NOT NULL,
    job             INTEGER NOT NULL,
    place           INTEGER NOT NULL,  -- where it gives way
    steps           INTEGER NOT NULL,  -- in the span
    running         INTEGER NOT NULL   -- ns of the span that it ran
);
