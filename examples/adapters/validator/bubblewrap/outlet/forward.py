import os, signal, socket, sys
port, way_out, command = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", int(port)), backlog=128)
first = os.fork()
if first:
    # The command, as if it were alone: no child of its own, and signals as usual.
    os.waitpid(first, 0)
    listener.close()
    for number in signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)
    os.execv("/bin/sh", ["/bin/sh", "-c", command])
if os.fork():
    os._exit(0)
# Nobody waits for what this might print.
null = os.open("/dev/null", os.O_RDWR)
for number in 0, 1, 2:
    os.dup2(null, number)
os.setsid()
import asyncio

async def copy(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()

async def lead(reader, writer):
    try:
        there_reader, there_writer = await asyncio.open_unix_connection(way_out)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))
    for each in writer, there_writer:
        each.close()

async def main():
    server = await asyncio.start_server(lead, sock=listener)
    await server.serve_forever()

asyncio.run(main())
