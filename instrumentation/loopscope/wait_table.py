"""What suspended code waits for, as data: one row says it for one place in one library.

A chain is read from its innermost frame outwards, up to the first line of the user's own code. The first
row of `LIBRARIES` that fits decides, since a library knows better what it waits for than the primitive that
it is built from; failing that, the first row of `STREAMS`, then of `PRIMITIVES`. To add a library, add rows.
"""

from __future__ import annotations

from typing import NamedTuple

from loopscope.records import (
    BARRIER,
    CHILD,
    CONDITION,
    EVENT,
    EXECUTOR,
    GATHER,
    HTTP,
    IO,
    LIMITER,
    LOCK,
    POOL,
    QUEUE,
    SEMAPHORE,
    SLEEP,
    TASK,
    WRITE,
)


class Row(NamedTuple):
    """``file`` is a part of the frame's file name, ``function`` the beginning of its qualified name.

    ``owner`` is the class of the object in that frame, or in one further out, that is waited for; `capacity`
    and ``in_use`` are paths of attributes from there, where a collection counts by its length. ``awaited`` is
    the attribute of the owner that holds the tasks waited for, or `LOCALS`: they stand in the frame itself.
    """

    file: str
    function: str
    kind: str
    owner: str = ""
    capacity: str = ""
    in_use: str = ""
    awaited: str = ""


LOCALS = "locals"
FURTHER_OUT = ""  # a kind: the frame only passes on; who called it decides
_ANYIO = "/anyio/_backends/_asyncio.py"

PRIMITIVES: tuple[Row, ...] = (
    Row("/asyncio/tasks.py", "sleep", SLEEP),
    Row("/asyncio/tasks.py", "wait_for", TASK, awaited=LOCALS),
    Row("/asyncio/tasks.py", "_wait", GATHER, awaited=LOCALS),
    Row("/asyncio/tasks.py", "", TASK),
    Row("/asyncio/taskgroups.py", "", GATHER, "TaskGroup", awaited="_tasks"),
    Row("/asyncio/locks.py", "Lock", LOCK),
    Row("/asyncio/locks.py", "Semaphore", SEMAPHORE),
    Row("/asyncio/locks.py", "Event", EVENT),
    Row("/asyncio/locks.py", "Condition", CONDITION),
    Row("/asyncio/locks.py", "Barrier", BARRIER),
    Row("/asyncio/queues.py", "", QUEUE),
    Row("/asyncio/streams.py", "StreamWriter.drain", WRITE),
    Row("/asyncio/streams.py", "FlowControlMixin._drain_helper", WRITE),
    Row("/asyncio/streams.py", "", IO),
    Row("/asyncio/selector_events.py", "BaseSelectorEventLoop.sock_send", WRITE),
    Row("/asyncio/selector_events.py", "", IO),
    Row("/asyncio/threads.py", "to_thread", EXECUTOR),
    Row("/asyncio/base_events.py", "BaseEventLoop.getaddrinfo", EXECUTOR),
    Row("/asyncio/base_events.py", "BaseEventLoop.getnameinfo", EXECUTOR),
    Row("/asyncio/base_events.py", "BaseEventLoop.shutdown_default_executor", EXECUTOR),
    Row("/asyncio/base_events.py", "BaseEventLoop.run_in_executor", EXECUTOR),
    Row("/asyncio/base_events.py", "", IO),
    Row("/asyncio/subprocess.py", "", CHILD),
    Row("/asyncio/base_subprocess.py", "", CHILD),
    Row(_ANYIO, "TaskGroup.start", TASK),
    Row(_ANYIO, "TaskGroup", GATHER, "TaskGroup", awaited="_tasks"),
    Row(_ANYIO, "Event", EVENT),
    Row(_ANYIO, "Lock", LOCK, "Lock"),
    Row(_ANYIO, "Semaphore", SEMAPHORE, "Semaphore"),
    Row(_ANYIO, "CapacityLimiter", LIMITER, "CapacityLimiter", "_total_tokens", "_borrowers"),
    Row(_ANYIO, "AsyncIOBackend.sleep", SLEEP),
    Row(_ANYIO, "AsyncIOBackend.run_sync_in_worker_thread", EXECUTOR),
    Row(_ANYIO, "AsyncIOBackend.getaddrinfo", EXECUTOR),
    Row(_ANYIO, "AsyncIOBackend.wait_writable", WRITE),
    Row(_ANYIO, "UNIXSocketStream.send", WRITE),
    Row(_ANYIO, "StreamWriterWrapper.send", WRITE),
    Row(_ANYIO, "", IO),
)

# Built from events, which are waits by themselves, and built upon by other libraries, which know better.
STREAMS: tuple[Row, ...] = (
    Row(_ANYIO, "SocketStream.send", WRITE),
    Row(_ANYIO, "SocketStream.receive", IO),
    Row(_ANYIO, "UDPSocket.send", WRITE),
    Row(_ANYIO, "UDPSocket.receive", IO),
    Row(_ANYIO, "ConnectedUDPSocket.send", WRITE),
    Row(_ANYIO, "ConnectedUDPSocket.receive", IO),
    Row(_ANYIO, "Process.wait", CHILD, "Process", "_process.stdout._limit", "_process.stdout._buffer"),
    Row(_ANYIO, "_SignalReceiver", IO),
)

LIBRARIES: tuple[Row, ...] = (
    Row("/asyncio/tasks.py", "as_completed", TASK),
    Row("/asyncio/tasks.py", "_AsCompletedIterator", TASK, "_AsCompletedIterator", awaited="_todo"),
    Row("/asyncio/subprocess.py", "Process.communicate", CHILD),
    Row("/asyncio/subprocess.py", "Process.wait", CHILD, "Process", "stdout._limit", "stdout._buffer"),
    Row("/asyncio/subprocess.py", "Process._feed_stdin", WRITE),
    Row("/anyio/streams/memory.py", "", QUEUE, "_MemoryObjectStreamState", "max_buffer_size", "buffer"),
    Row("/anyio/to_process.py", "", EXECUTOR),
    Row("/anyio/_core/_tasks.py", "TaskHandle", TASK),
    Row(
        "/httpcore/_async/connection_pool.py",
        "AsyncPoolRequest",
        POOL,
        "AsyncConnectionPool",
        "_max_connections",
        "_connections",
    ),
    Row("/httpcore/_synchronization.py", "", FURTHER_OUT),
    Row("/httpcore/", "", HTTP),
    Row("/httpx/", "", HTTP),
    Row(
        "/aiohttp/connector.py",
        "BaseConnector._wait_for_available_connection",
        POOL,
        "BaseConnector",
        "_limit",
        "_acquired",
    ),
    Row("/aiohttp/connector.py", "", HTTP),
    Row("/aiohttp/client", "", HTTP),
    Row("/aiohttp/streams.py", "", HTTP),
    Row("/aiohttp/http_writer.py", "", WRITE),
    Row("/aiohttp/base_protocol.py", "BaseProtocol._drain_helper", WRITE),
    Row("/aiohttp/", "", IO),
    Row("/asyncpg/pool.py", "Pool._acquire", POOL, "Pool", "_maxsize"),
    Row("/asyncpg/", "", IO),
    Row("/psycopg_pool/", "AsyncConnectionPool.getconn", POOL, "AsyncConnectionPool", "_max_size", "_nconns"),
    Row(
        "/psycopg_pool/", "AsyncConnectionPool._getconn", POOL, "AsyncConnectionPool", "_max_size", "_nconns"
    ),
    Row("/psycopg/", "", IO),
    Row("/aiomysql/pool.py", "Pool._acquire", POOL, "Pool", "_free.maxlen", "_used"),
    Row("/aiomysql/", "", IO),
    Row(
        "/redis/asyncio/connection.py",
        "BlockingConnectionPool.get_connection",
        POOL,
        "BlockingConnectionPool",
        "max_connections",
        "_in_use_connections",
    ),
    Row("/redis/", "", IO),
    Row("/sqlalchemy/util/queue.py", "AsyncAdaptedQueue.get", POOL),
    Row("/sqlalchemy/util/", "", FURTHER_OUT),
    Row("/sqlalchemy/", "", IO),
    Row("/pymongo/asynchronous/pool.py", "Pool._get_conn", POOL, "Pool", "max_pool_size", "active_sockets"),
    Row("/pymongo/lock.py", "", FURTHER_OUT),
    Row("/pymongo/", "", IO),
    Row("/aio_pika/pool.py", "Pool._get", POOL, "Pool", "_Pool__max_size", "_Pool__created"),
    Row("/aio_pika/", "", IO),
    Row("/aiormq/", "", IO),
    Row("/aiokafka/", "", IO),
    Row("/websockets/asyncio/connection.py", "Connection.drain", WRITE),
    Row("/websockets/", "", IO),
    Row("/grpc/aio/", "", HTTP),
    Row("/aiosqlite/", "", IO),
    Row("/aiofiles/", "", EXECUTOR),
    Row("/uvicorn/protocols/http/flow_control.py", "FlowControl.drain", WRITE),
    Row("/uvicorn/protocols/", "", IO),
)
