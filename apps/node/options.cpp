#include "apps/node/options.hpp"

#include "apps/node/exit_codes.hpp"

#include <boost/asio/ip/address.hpp>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <map>

namespace kvs::apps {
namespace {

using actors::sync_mode;

/// Options as text and numbers, before they are checked together.
struct raw_options {
  std::string addr = "127.0.0.1:4000";
  std::string resp_addr;
  sync_mode sync = sync_mode::always;
  std::uint64_t sync_interval_ms = 1000;
  std::uint64_t frame_timeout_ms = 10'000;
  std::uint64_t idle_timeout_ms = 0;
  std::uint64_t frame_bytes_max = 0;
};

void add_store_options(CLI::App& app, node_options& options, raw_options& raw) {
  auto& store = options.store;
  app.add_option("--dir", store.directory, "Directory of the store")
    ->capture_default_str()
    ->group("Store");
  app
    .add_option("--backup-root", store.backup_root,
                "Let clients have backups made in new directories right below "
                "this one; apart from the store")
    ->option_text("PATH [no backups]")
    ->group("Store");
  app
    .add_option("--sync", raw.sync,
                "When a write is acknowledged: always (it survives power "
                "loss), interval (at most --sync-interval-ms of writes can "
                "be lost), none (the system decides)")
    ->transform(CLI::CheckedTransformer(
      std::map<std::string, sync_mode>{{"always", sync_mode::always},
                                       {"interval", sync_mode::interval},
                                       {"none", sync_mode::none}}))
    ->option_text("always|interval|none [always]")
    ->group("Store");
  app
    .add_option("--sync-interval-ms", raw.sync_interval_ms,
                "Longest time an acknowledged write stays unsynced with "
                "--sync interval")
    ->check(CLI::Range(1, 3'600'000))
    ->capture_default_str()
    ->group("Store");
  app
    .add_option("--shards", store.shard_count, "Index shards; 0: one per core")
    ->check(CLI::Range(0, 1024))
    ->capture_default_str()
    ->group("Store");
  app
    .add_option("--segment-bytes", store.segment_bytes,
                "Size at which a segment file is sealed, e.g. 64MiB")
    ->transform(CLI::AsSizeValue(false))
    ->check(CLI::Range(storage::segment_bytes_min, storage::segment_bytes_max))
    ->option_text("SIZE [128MiB]")
    ->group("Store");
  app
    .add_option("--space-factor", store.space_factor,
                "Files may be this much larger than what lives in them")
    ->check(CLI::Range(1.1, 100.0))
    ->capture_default_str()
    ->group("Store");
  app
    .add_option("--compact-effort", store.compact_effort,
                "Least share of the time that a compaction works")
    ->check(CLI::Range(0.001, 1.0))
    ->capture_default_str()
    ->group("Store");
  app
    .add_option("--disk-reserve", store.disk_reserve_bytes,
                "Space of the disk that only compaction uses; 0: none")
    ->transform(CLI::AsSizeValue(false))
    ->option_text("SIZE [3 segments]")
    ->group("Store");
}

/// A node alone on its machine has more to spare; one among many does not.
std::uint64_t default_resident_bytes() {
  const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return std::min(pages * page_bytes / 8, std::uint64_t{1} << 30);
}

void add_memory(CLI::App& app, node_options& options) {
  options.store.resident_bytes_max = default_resident_bytes();
  app
    .add_option("--resident-bytes", options.store.resident_bytes_max,
                "Recent segments are locked in memory up to this; 0: none")
    ->transform(CLI::AsSizeValue(false))
    ->option_text("SIZE [an eighth of the memory, at most 1GiB]")
    ->group("Store");
}

void add_limits(CLI::App& app, node_options& options, raw_options& raw) {
  auto& decode = options.listener.limits.decode;
  app
    .add_option("--key-bytes-max", decode.key_bytes_max,
                "Longest key, up to 16MiB")
    ->transform(CLI::AsSizeValue(false))
    ->check(CLI::Range(std::uint64_t{1}, storage::key_bytes_format_max))
    ->option_text("SIZE [64KiB]")
    ->group("Limits");
  app
    .add_option("--value-bytes-max", decode.value_bytes_max,
                "Longest value, up to 512MiB")
    ->transform(CLI::AsSizeValue(false))
    ->check(CLI::Range(std::uint64_t{1}, storage::value_bytes_max))
    ->option_text("SIZE [512MiB]")
    ->group("Limits");
  app
    .add_option("--batch-operations-max", decode.batch_operations_max,
                "Most operations of a batch, transaction or multi-get")
    ->check(CLI::Range(1U, storage::batch_operations_max))
    ->capture_default_str()
    ->group("Limits");
  app
    .add_option("--batch-bytes-max", decode.batch_bytes_max,
                "Most bytes of keys and values of a batch, up to 16MiB")
    ->transform(CLI::AsSizeValue(false))
    ->check(CLI::Range(std::uint64_t{1}, storage::batch_bytes_max))
    ->option_text("SIZE [16MiB]")
    ->group("Limits");
  app
    .add_option("--frame-bytes-max", raw.frame_bytes_max,
                "Largest request as a whole; 0: what the longest key and "
                "value need")
    ->transform(CLI::AsSizeValue(false))
    ->option_text("SIZE [0]")
    ->group("Limits");
  app
    .add_option("--net-memory-max", options.store.memory_bytes_max,
                "Memory that large requests and values may take together")
    ->transform(CLI::AsSizeValue(false))
    ->check(CLI::Range(std::uint64_t{1} << 20, std::uint64_t{1} << 50))
    ->option_text("SIZE [1GiB]")
    ->group("Limits");
  app
    .add_option("--max-clients", options.listener.clients_max,
                "Connections at once")
    ->check(CLI::Range(1, 1'000'000))
    ->capture_default_str()
    ->group("Limits");
  app
    .add_option("--frame-timeout-ms", raw.frame_timeout_ms,
                "A request must arrive within this plus 1 s per MiB")
    ->check(CLI::Range(10, 3'600'000))
    ->capture_default_str()
    ->group("Limits");
  app
    .add_option("--idle-timeout-ms", raw.idle_timeout_ms,
                "Close a connection without requests after this; 0: never")
    ->check(CLI::Range(0, 86'400'000))
    ->capture_default_str()
    ->group("Limits");
}

CLI::App* add_verify(CLI::App& app, verify_command& command) {
  auto* const added = app.add_subcommand(
    "verify", "Read every record of a store or a backup and compare its "
              "checksums. Writes nothing; a node may be serving the store");
  added
    ->add_option("DIR", command.directory, "Directory of the store or backup")
    ->required();
  app.require_subcommand(0, 1);
  return added;
}

CLI::App* add_salvage(CLI::App& app, salvage_command& command) {
  auto* const added = app.add_subcommand(
    "salvage", "Make a new store of everything that verifies in a damaged one, "
               "and list what is lost. Run it as the user of the node");
  added->add_option("DIR", command.directory, "Directory of the damaged store")
    ->required();
  added
    ->add_option("--to", command.to,
                 "Directory of the new store; made, or empty")
    ->option_text("NEWDIR")
    ->required();
  return added;
}

CLI::App* add_restore(CLI::App& app, restore_command& command) {
  auto* const added = app.add_subcommand(
    "restore", "Make a store of a backup; every byte is compared with its "
               "checksum. Run it as the user of the node");
  added->add_option("BACKUP", command.backup, "Directory of the backup")
    ->required();
  added
    ->add_option("--to", command.to, "Directory of the store; made, or empty")
    ->option_text("DIR")
    ->required();
  return added;
}

exit_now usage(const std::string& message);

/// False: the text is no address.
bool take_resp_address(node_options& options, const std::string& text) {
  options.resp = text != "off";
  options.resp_is_required = options.resp && !text.empty();
  return !options.resp_is_required
         || parse_address(text, options.resp_host, options.resp_port);
}

exit_now usage(const std::string& message) {
  std::cerr << "kvs-node: " << message << "\nTry 'kvs-node --help'.\n";
  return {exit_usage};
}

/// What a value of the largest size needs around it in a frame.
constexpr std::uint64_t frame_overhead_bytes = std::uint64_t{1} << 20;

/// Where links lead; what does not exist yet, or cannot be seen, is taken as it
/// is written.
std::filesystem::path real_path(const std::string& text) {
  std::error_code error;
  const auto written = std::filesystem::absolute(text, error);
  auto real = std::filesystem::weakly_canonical(written, error);
  if (error)
    real = written.lexically_normal();
  return real.has_filename() ? real : real.parent_path();
}

bool is_inside(const std::string& path, const std::string& directory) {
  const auto inner = real_path(path);
  const auto outer = real_path(directory);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end())
           .first
         == outer.end();
}

/// A client could ask for a backup that has the name of a file of the store, or
/// of the store itself.
bool is_backup_root_apart(const actors::store_options& store) {
  return store.backup_root.empty()
         || (!is_inside(store.backup_root, store.directory)
             && !is_inside(store.directory, store.backup_root));
}

node_command finish(node_options options, const raw_options& raw) {
  auto& listener = options.listener;
  if (!parse_address(raw.addr, listener.host, listener.port))
    return usage("--addr: '" + raw.addr + "' is not HOST:PORT");
  if (!options.allow_remote && !is_loopback(listener.host))
    return usage("--addr: " + listener.host
                 + " can be reached by other machines, and this version has "
                   "no authentication; say --allow-remote if that is meant");
  if (!take_resp_address(options, raw.resp_addr))
    return usage("--resp-addr: '" + raw.resp_addr
                 + "' is neither HOST:PORT nor off");
  if (options.resp && !options.allow_remote && !is_loopback(options.resp_host))
    return usage("--resp-addr: " + options.resp_host
                 + " can be reached by other machines, and this version has "
                   "no authentication; say --allow-remote if that is meant");
  if (!is_backup_root_apart(options.store))
    return usage("--backup-root: " + options.store.backup_root
                 + " and the store, " + options.store.directory
                 + ", must not be one inside the other");
  auto& decode = listener.limits.decode;
  decode.frame_bytes_max
    = decode.key_bytes_max + decode.value_bytes_max + frame_overhead_bytes;
  if (raw.frame_bytes_max != 0)
    decode.frame_bytes_max
      = std::min(decode.frame_bytes_max, raw.frame_bytes_max);
  // A request that can never fit the budget is refused by its header.
  decode.frame_bytes_max
    = std::min(decode.frame_bytes_max, options.store.memory_bytes_max);
  options.store.sync = raw.sync;
  options.store.sync_interval = std::chrono::milliseconds{raw.sync_interval_ms};
  options.store.value_bytes_max = decode.value_bytes_max;
  listener.limits.frame_timeout
    = std::chrono::milliseconds{raw.frame_timeout_ms};
  listener.limits.idle_timeout = std::chrono::milliseconds{raw.idle_timeout_ms};
  listener.node_name = "kvs-node";
  listener.node_version = KVS_VERSION;
  return options;
}

} // namespace

bool parse_address(const std::string& text, std::string& host,
                   std::uint16_t& port) {
  auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0)
    return false;
  host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return false;
  const auto* begin = text.data() + colon + 1;
  const auto* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(begin, end, port);
  return error == std::errc{} && rest == end && begin != end;
}

bool is_loopback(const std::string& host) {
  if (host == "localhost")
    return true;
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

node_command parse_node_options(int argc, char** argv) {
  node_options options;
  raw_options raw;
  verify_command verify;
  salvage_command salvage;
  restore_command restore;
  CLI::App app{"kvs-node: a durable key-value store, served over TCP.",
               "kvs-node"};
  app.set_version_flag("-V,--version", "kvs-node " KVS_VERSION);
  app
    .add_option("--resp-addr", raw.resp_addr,
                "Where to listen for Redis clients, or off")
    ->option_text("HOST:PORT|off [127.0.0.1:6380]");
  app.add_option("--addr", raw.addr, "Where to listen; port 0: any free one")
    ->capture_default_str()
    ->option_text("HOST:PORT [127.0.0.1:4000]");
  app
    .add_option("--threads", options.thread_count,
                "Event loops; 0: one per core but one")
    ->check(CLI::Range(0, 256))
    ->capture_default_str();
  app.add_flag("--allow-remote", options.allow_remote,
               "Serve other machines too, without authentication");
  app.add_flag("--verbose", options.verbose,
               "Also log what happens to single connections");
  add_store_options(app, options, raw);
  add_memory(app, options);
  add_limits(app, options, raw);
  auto* const verifies = add_verify(app, verify);
  auto* const salvages = add_salvage(app, salvage);
  auto* const restores = add_restore(app, restore);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return exit_now{app.exit(success)};
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }
  if (verifies->parsed())
    return verify;
  if (salvages->parsed())
    return salvage;
  if (restores->parsed())
    return restore;
  return finish(std::move(options), raw);
}

} // namespace kvs::apps
