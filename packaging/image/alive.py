"""Exit with 0 while the daemon of this container answers for its metrics: a liveness probe, in a hundredth of a status.

    strongroom-alive [HOST:PORT]

The configuration must say `listen` under [metrics]. A daemon whose vault needs a person's attention is alive: that is
what `strongroom status` reports.
"""

from __future__ import annotations

import http.client
import sys

USUAL = "127.0.0.1:9464"
PATIENCE = 5  # seconds


def main(address: str = USUAL) -> int:
    """Return 0 where the daemon answers, else 1, with the reason on standard error."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.request("GET", "/metrics")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"no daemon answers at {address}: {error}\n")
        return 1
    finally:
        connection.close()
    if status != http.client.OK:
        sys.stderr.write(f"what answers at {address} is no daemon: expected 200, got {status}\n")
    return int(status != http.client.OK)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
