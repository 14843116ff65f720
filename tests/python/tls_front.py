"""TLS in front of a plain server: tls_front.py UPSTREAM_PORT AUTHORITY_FILE.

Makes an authority and a certificate for 127.0.0.1, writes the authority's own certificate to AUTHORITY_FILE,
prints its port, and passes on what it gets until it is ended.
"""

import asyncio
import ssl
import sys

import trustme


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def main(upstream, authority_file):
    async def serve(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    authority = trustme.CA()
    authority.cert_pem.write_to_path(authority_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
