// A server that speaks HTTP/2 alone, over TLS: node h2_server.mjs CERTIFICATE KEY. Prints its port. /count tells what it has seen; all else waits until `wait` requests of the
// path are there (so they are under way at once), and answers a text, compressed as the path says. Ends with its standard input.
import { createSecureServer, constants } from "node:http2";
import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const [certificate, key] = process.argv.slice(2);
const server = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: false });
const coders = { gzip: gzipSync, br: brotliCompressSync };
let sessions = 0, waiting = [];

server.on("session", () => sessions++);
server.on("stream", (stream, headers) => {
    const url = new URL(headers[constants.HTTP2_HEADER_PATH], "https://x");
    stream.on("error", () => {});
    if (url.pathname === "/count") {
        stream.respond({ ":status": 200 });
        stream.end(String(sessions));
        return;
    }
    const name = url.pathname.slice(1), text = "x".repeat(200000) + (headers.authorization ?? "");
    waiting.push(() => {
        const body = coders[name] ? coders[name](text) : Buffer.from(text);
        stream.respond({ ":status": 200, ...(coders[name] ? { "content-encoding": name } : {}), "x-accepted": headers["accept-encoding"] ?? "" });
        stream.end(body);
    });
    if (waiting.length >= Number(url.searchParams.get("wait") ?? 1)) {
        for (const answer of waiting)
            answer();
        waiting = [];
    }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
