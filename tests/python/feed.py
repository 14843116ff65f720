"""What is in a stream of NATS JetStream, read with the official client: `feed.py URL dump STREAM` prints a line of JSON
per message; `feed.py URL count STREAM` how many there are; `feed.py URL make STREAM MILLISECONDS` makes the stream with this window for duplicates."""

import asyncio
import json
import os
import sys

import nats


async def main(url, what, stream, *more):
    client = await nats.connect(url, token=os.environ.get("NATS_TOKEN"), connect_timeout=10)
    jetstream = client.jetstream(timeout=10)
    if what == "make":
        config = {"name": stream, "subjects": ["gitledger.events.>"], "storage": "file", "retention": "limits",
                  "duplicate_window": int(more[0]) * 1_000_000}
        answer = await client.request(f"$JS.API.STREAM.CREATE.{stream}", json.dumps(config).encode(), timeout=10)
        assert "error" not in json.loads(answer.data), answer.data
    elif what == "count":
        print((await jetstream.stream_info(stream)).state.messages)
    else:
        state = (await jetstream.stream_info(stream)).state
        for seq in range(max(state.first_seq, 1), state.last_seq + 1):
            message = await jetstream.get_msg(stream, seq)
            print(json.dumps({"seq": seq, "subject": message.subject, "id": message.headers["Nats-Msg-Id"],
                              "event": json.loads(message.data)}))
    await client.close()


asyncio.run(main(*sys.argv[1:]))
