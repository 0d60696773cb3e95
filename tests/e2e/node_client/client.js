// Drives leadline from Node with stubs made at run time, and prints what it was told as one line of JSON.
// Usage: node client.js HOST:PORT LEADLINE_PROTOS COMMON_PROTOS
//   LEADLINE_PROTOS: the folder that holds leadline/v1; COMMON_PROTOS: the one that holds google/rpc.

'use strict';

const { promisify } = require('node:util');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [address, leadlineProtos, commonProtos] = process.argv.slice(2);
const SECONDS = 10;
const LOADED = { keepCase: true, enums: String, longs: String, defaults: true };

const services = protoLoader.loadSync(['leadline/v1/contact_service.proto', 'leadline/v1/call_log_service.proto'], {
  ...LOADED,
  includeDirs: [leadlineProtos],
});
const details = protoLoader.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'], {
  ...LOADED,
  includeDirs: [commonProtos],
});
const v1 = grpc.loadPackageDefinition(services).leadline.v1;
const contacts = new v1.ContactService(address, grpc.credentials.createInsecure());
const callLogs = new v1.CallLogService(address, grpc.credentials.createInsecure());

// One RPC, with a deadline.
function ask(client, method, request) {
  const deadline = new Date(Date.now() + SECONDS * 1000);
  return promisify(client[method]).call(client, { account_id: 'demo', user_id: 'node', ...request }, { deadline });
}

// The google.rpc details of an error by their names, from the trailer that gRPC has for them.
function detailsOf(error) {
  const [trailer] = error.metadata.get('grpc-status-details-bin');
  const found = {};
  for (const packed of details['google.rpc.Status'].deserialize(trailer).details) {
    const name = packed.type_url.split('/').pop();
    found[name] = details[name].deserialize(packed.value);
  }
  return found;
}

async function main() {
  const created = await ask(contacts, 'CreateContact', { name: 'Nora Node', phone_number: '(415) 555-0177' });
  const found = await ask(contacts, 'FindContact', { phone_numbers: ['+14155550177'], skip_cache: true });
  const logged = await ask(callLogs, 'LogCall', {
    call: { id: 'node-1', direction: 'CALL_DIRECTION_INBOUND', caller: { phone_number: '+14155550177' } },
  });
  const refused = await ask(contacts, 'FindContact', { phone_numbers: ['+14155550177', '?!'] }).catch((error) => error);
  const answer = {
    created: created.contact.id,
    found: found.matches.map((match) => match.contact.id),
    logged: { state: logged.call_log.state, contact: logged.call_log.contact.id },
    refused: { code: grpc.status[refused.code], details: detailsOf(refused) },
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

main()
  .catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  })
  .finally(() => {
    contacts.close();
    callLogs.close();
  });
