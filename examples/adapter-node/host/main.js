// Serves a connector to leadline: node host/main.js CONNECTOR [--listen HOST:PORT] [--protos DIR] [--token-file FILE]

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { serviceOf } = require('./service');

const LOADED = { keepCase: true, enums: String, longs: Number, defaults: true, oneofs: true };
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const GRACE_MILLISECONDS = 10_000;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/;

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      listen: { type: 'string', default: '127.0.0.1:50060' },
      protos: { type: 'string', default: path.join(__dirname, '..', '..', '..', 'protos') },
      'token-file': { type: 'string' },
    },
  });
  if (positionals.length !== 1) throw new Error('Which connector? node host/main.js CONNECTOR');
  if (!LOOPBACK.test(values.listen)) throw new Error('--listen takes addresses of this machine only: nothing is encrypted.');
  const token = values['token-file'] ? fs.readFileSync(values['token-file'], 'utf8').trim() : '';
  return { ...values, connector: path.resolve(positionals[0]), token };
}

function main() {
  const { listen, protos, connector, token } = options();
  const loaded = protoLoader.loadSync('leadline/adapter/v1/adapter_service.proto', { ...LOADED, includeDirs: [protos] });
  const { AdapterService } = grpc.loadPackageDefinition(loaded).leadline.adapter.v1;
  const server = new grpc.Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES, 'grpc.so_reuseport': 0 });
  server.addService(AdapterService.service, serviceOf(require(connector), token));
  server.bindAsync(listen, grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) fail(error);
    else process.stdout.write(`serves ${path.basename(connector)} on ${listen.replace(/:\d+$/, '')}:${port}\n`);
  });
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop(server));
}

// Finish what is in flight, within a time.
function stop(server) {
  setTimeout(() => process.exit(0), GRACE_MILLISECONDS).unref();
  server.tryShutdown(() => process.exit(0));
}

function fail(error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}

try {
  main();
} catch (error) {
  fail(error);
}
