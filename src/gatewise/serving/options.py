"""The options of the server."""

from __future__ import annotations

from pydantic import Field

from gatewise.tasks.options import Options


class ServeOptions(Options):
    """The server"""

    host: str = Field("127.0.0.1", description="Address to listen on; the default is this machine alone.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 chooses a free one.")
    token_file: str | None = Field(
        None,
        description="File with the token that requests must have, as `Authorization: Bearer TOKEN`; by "
        "default that of the environment variable GATEWISE_TOKEN, if it is set.",
    )
    state: str | None = Field(
        None, description="Folder that keeps the streams; with it, they survive a restart and a crash."
    )
    sync: bool = Field(
        False,
        description="Write steps through to the disk before they are answered, once for each batch, so that "
        "they survive a loss of power, too.",
    )
    max_wait: float = Field(
        2.0, ge=0, le=1000, description="Milliseconds that a step waits for others, to be computed with them."
    )
    max_batch: int = Field(1024, ge=1, description="The maximum number of steps in one batch.")
    max_streams: int = Field(
        20_000, ge=0, description="The maximum number of open streams, and of open sockets."
    )
    expire: float = Field(3600.0, gt=0, description="Seconds after which a stream without a step is closed.")
    max_body: float = Field(16.0, gt=0, description="The maximum size of the body of a request, in MiB.")
    max_rows: int = Field(100_000, ge=1, description="The maximum number of rows in a request.")
    max_length: int = Field(
        10_000, ge=1, description="The maximum number of symbols or steps of a text to generate or continue."
    )
    max_observation: int = Field(
        1000, ge=1, description="The maximum number of characters or rows that a stream reads in one step."
    )

    @property
    def max_bytes(self) -> int:
        """The largest body in bytes."""
        return int(self.max_body * 2**20)
