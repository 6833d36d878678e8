// Options of the commands on the whole store and on files.

#include "apps/client/bench.hpp"
#include "apps/client/commands.hpp"
#include "apps/client/subcommands.hpp"
#include "apps/client/transfer.hpp"

#include <limits>
#include <memory>

namespace kvs::apps {

namespace {

void add_bare(CLI::App& app, command_action& action, const char* name,
              const char* description, int (*run)(session&)) {
  app.add_subcommand(name, description)->callback([&action, run] {
    action = run;
  });
}

void add_file(CLI::App& app, command_action& action, const char* name,
              const char* description,
              int (*run)(session&, const std::string&)) {
  auto* sub = app.add_subcommand(name, description);
  auto file = std::make_shared<std::string>();
  add_text(*sub, "FILE", *file, "The file; '-' is stdin or stdout")->required();
  sub->callback([&action, file, run] {
    action = [file, run](session& node) { return run(node, *file); };
  });
}

struct import_choice {
  std::string file;
  std::string rdb;
  std::string bitcask;
  redis_source redis;
};

void add_import(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand(
    "import", "Store what is in a file or in another store; what cannot be "
              "stored is named, and the rest is stored");
  auto chosen = std::make_shared<import_choice>();
  auto* sources = sub->add_option_group("source", "Exactly one of these");
  sources->require_option(1);
  auto* file = add_text(*sources, "FILE", chosen->file,
                        "A JSON Lines file as export writes it; '-' is stdin");
  auto* rdb
    = add_text(*sources, "--rdb", chosen->rdb,
               "A snapshot of Redis up to 7.0 (dump.rdb); '-' is stdin. "
               "Takes the strings and counts the keys of other types");
  auto* redis = add_text(
    *sources, "--redis", chosen->redis.address,
    "A running Redis, HOST:PORT. Copies the strings and counts the keys of "
    "other types. A password is taken from the environment: REDISCLI_AUTH");
  auto* bitcask = add_text(
    *sources, "--bitcask", chosen->bitcask,
    "A directory of Bitcask, the store behind Riak, which is not in use");
  add_text(*sub, "--redis-user", chosen->redis.user,
           "The user who logs in there")
    ->needs(redis);
  auto* database = sub->add_option("--db", chosen->redis.database,
                                   "The database to take; others are counted");
  // As many as a configuration of Redis can name.
  database->capture_default_str()->excludes(file)->excludes(bitcask)->check(
    CLI::Range(0, std::numeric_limits<int>::max()));
  sub->callback([&action, chosen, rdb, redis, bitcask] {
    action
      = [chosen, from_rdb = rdb->count() > 0, from_redis = redis->count() > 0,
         from_bitcask = bitcask->count() > 0](session& node) {
          if (from_rdb)
            return run_import_rdb(node, chosen->rdb, chosen->redis.database);
          if (from_redis)
            return run_import_redis(node, chosen->redis);
          if (from_bitcask)
            return run_import_bitcask(node, chosen->bitcask);
          return run_import(node, chosen->file);
        };
  });
}

void add_scan(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("scan", "Print all keys, one per line");
  auto options = std::make_shared<scan_options>();
  add_text(*sub, "--prefix", options->prefix, "Only keys that begin so");
  sub->callback([&action, options] {
    action = [options](session& node) { return run_scan(node, *options); };
  });
}

void add_backup(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand(
    "backup", "Have the node make a backup of its store, while it is in use");
  auto options = std::make_shared<backup_options>();
  add_text(*sub, "DIR", options->to,
           "Directory of the backup on the machine of the node: a new name "
           "right below the --backup-root of the node")
    ->required();
  add_text(*sub, "--incremental-from", options->earlier,
           "An earlier backup there; what is in it already is linked, not "
           "copied")
    ->option_text("DIR");
  sub->add_flag("--copy", options->copies,
                "Copy all files, even where hard links are possible");
  sub->callback([&action, options] {
    action = [options](session& node) { return run_backup(node, *options); };
  });
}

void add_flush(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("flush", "Erase every key, after asking");
  auto options = std::make_shared<flush_options>();
  sub->add_flag("--yes", options->yes, "Do not ask");
  sub->callback([&action, options] {
    action = [options](session& node) { return run_flush(node, *options); };
  });
}

void add_bench(CLI::App& app, command_action& action) {
  auto* sub = app.add_subcommand("bench", "Measure how fast the node answers");
  auto options = std::make_shared<bench_options>();
  sub->add_option("--clients", options->client_count, "Connections")
    ->capture_default_str();
  sub
    ->add_option("--pipeline", options->pipeline,
                 "Requests a client sends before it waits for the answers")
    ->capture_default_str();
  sub->add_option("--requests", options->request_count, "Requests per test")
    ->capture_default_str();
  sub->add_option("--value-bytes", options->value_bytes, "Size of a value")
    ->capture_default_str();
  sub
    ->add_option("--keyspace", options->keyspace,
                 "How many keys there are to choose from")
    ->capture_default_str();
  sub
    ->add_option("--tests", options->tests,
                 "Which of set, get, incr; they write to the store")
    ->capture_default_str();
  sub->callback([&action, options] {
    action = [options](session& node) { return run_bench(node, *options); };
  });
}

} // namespace

void add_store_subcommands(CLI::App& app, command_action& action) {
  add_file(app, action, "batch",
           "Apply a file of operations, all of them or none", run_batch);
  add_scan(app, action);
  add_bare(app, action, "count", "Print the number of keys", run_count);
  add_bare(app, action, "stats", "Print figures of the node", run_stats);
  add_bare(app, action, "sync", "Make everything written so far durable",
           run_sync);
  add_bare(app, action, "compact", "Give the space of dead records back",
           run_compact);
  add_backup(app, action);
  add_flush(app, action);
  add_bare(app, action, "ping", "Measure one round trip", run_ping);
  add_import(app, action);
  add_file(app, action, "export", "Write all keys to a JSON Lines file",
           run_export);
  add_bench(app, action);
}

} // namespace kvs::apps
