// node-redis against a running server: node client_test.js PORT
"use strict";

const assert = require("node:assert/strict");
const { createClient, WatchError } = require("@redis/client");

const port = Number(process.argv[2]);

async function connect(RESP) {
  const client = createClient({ RESP, socket: { host: "127.0.0.1", port } });
  client.on("error", (error) => {
    throw error;
  });
  return client.connect();
}

async function values(client) {
  assert.equal(await client.ping(), "PONG");
  assert.equal(await client.set("key", "value"), "OK");
  assert.equal(await client.get("key"), "value");
  assert.equal(await client.get("nothing"), null);
  assert.equal(await client.set("key", "x", { condition: "NX" }), null);
  assert.equal(
    await client.set("key", "y", {
      GET: true,
      expiration: { type: "EX", value: 100 },
    }),
    "value",
  );
  assert.equal(await client.ttl("key"), 100);
  assert.equal(await client.incrBy("count", 5), 5);
  assert.equal(await client.incrByFloat("count", 0.5), "5.5");
  assert.deepEqual(await client.mGet(["key", "nothing"]), ["y", null]);
  assert.equal(await client.setBit("bits", 7, 1), 0);
  assert.equal(await client.bitCount("bits"), 1);
  assert.equal(await client.append("key", "z"), 2);
  await assert.rejects(client.incr("key"), /ERR value is not an integer/);
  const bytes = "\u{1F511}".repeat(100_000);
  await client.set("large", bytes);
  assert.equal(await client.get("large"), bytes);
  assert.equal(await client.del(["large", "bits", "nothing"]), 2);
}

async function pipelines(client) {
  // What is sent in one turn of the event loop travels as one pipeline.
  const sent = [];
  for (let number = 0; number < 10_000; ++number)
    sent.push(client.set(`n:${number}`, String(number)));
  assert.ok((await Promise.all(sent)).every((reply) => reply === "OK"));
  const found = new Set();
  for await (const keys of client.scanIterator({ MATCH: "n:*", COUNT: 500 }))
    keys.forEach((key) => found.add(key));
  assert.equal(found.size, 10_000);
}

async function transactions(client, other) {
  const replies = await client
    .multi()
    .set("a", "1")
    .incr("a")
    .get("a")
    .exec();
  assert.deepEqual(replies, ["OK", 2, "2"]);
  await client.watch("a");
  await other.set("a", "taken");
  await assert.rejects(client.multi().set("a", "3").exec(), WatchError);
  assert.equal(await client.get("a"), "taken");
}

async function channels(client, RESP) {
  const listener = await connect(RESP);
  const heard = [];
  const all = new Promise((resolve) => {
    const hear = (message, channel) => {
      heard.push(`${channel}:${message}`);
      if (heard.length === 3) resolve();
    };
    listener.subscribe("news", hear).then(() =>
      listener.pSubscribe("n*", hear).then(async () => {
        assert.equal(await client.publish("news", "one"), 2);
        assert.equal(await client.publish("none", "two"), 1);
      }),
    );
  });
  await all;
  assert.deepEqual(heard.sort(), ["news:one", "news:one", "none:two"]);
  await listener.unsubscribe("news");
  await listener.pUnsubscribe("n*");
  await listener.close();
}

async function main() {
  for (const RESP of [2, 3]) {
    const client = await connect(RESP);
    const other = await connect(RESP);
    await client.flushAll();
    await values(client);
    await pipelines(client);
    await transactions(client, other);
    await channels(client, RESP);
    await other.close();
    await client.close();
    console.log(`RESP${RESP}: ok`);
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
