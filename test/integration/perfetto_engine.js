// Perfetto's trace processor in Node: bytes of its remote procedure calls from standard
// input, the answers to standard output.
//
//     node perfetto_engine.js FOLDER < requests > replies
//
// FOLDER has engine_bundle.js and trace_processor*.wasm, as Perfetto's page loads them in
// a worker: the worker's globals are made here, files are read instead of fetched.

const fs = require("fs");
const path = require("path");
const node = process;
const folder = path.resolve(process.argv[2]);

globalThis.self = globalThis;
globalThis.WorkerGlobalScope = function () {};
globalThis.importScripts = () => {};
globalThis.XMLHttpRequest = class {
  open(_, name) {
    this.path = path.join(folder, path.basename(name));
  }
  send() {
    this.response = fs.readFileSync(this.path);
  }
};
globalThis.location = { href: "http://localhost/engine_bundle.js" };
// The glue asks whether it runs in Node, and would then look for files in its own way.
Object.defineProperty(globalThis, "process", { value: undefined });
for (const event of ["uncaughtException", "unhandledRejection"])
  node.on(event, (error) => {
    // Without the line of the source that Node would print: it is the whole bundle.
    fs.writeSync(2, String(error && error.message).slice(0, 1000) + "\n");
    node.exit(1);
  });
console.log = console.warn = (...words) => fs.writeSync(2, words.join(" ") + "\n");

(0, eval)(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"));
const port = { postMessage: (bytes) => fs.writeSync(1, bytes) };
globalThis.onmessage({ data: port });
// The engine says nothing when it has started: it fails until then.
const requests = new Uint8Array(fs.readFileSync(0));
const send = (attempts) => {
  try {
    port.onmessage({ data: requests });
  } catch (error) {
    if (attempts === 0) throw error;
    setTimeout(send, 100, attempts - 1);
  }
};
setTimeout(send, 100, 100);
