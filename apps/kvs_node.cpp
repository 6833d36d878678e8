// kvs-node: opens a store and serves it over TCP until it is told to stop, or
// looks after one that nobody serves.

#include "actors/acceptor.hpp"
#include "actors/asio_scheduler.hpp"
#include "actors/logging.hpp"
#include "actors/store.hpp"
#include "apps/node/exit_codes.hpp"
#include "apps/node/options.hpp"
#include "apps/node/recovery_display.hpp"
#include "apps/node/resp_service.hpp"
#include "apps/node/signals.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace kvs::apps {
namespace {

namespace logging = actors::logging;

using namespace std::chrono_literals;

void set_up_log(bool verbose) {
  auto log = spdlog::stderr_color_mt("kvs");
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  log->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
  spdlog::set_default_logger(log);
}

/// Connections need descriptors, and resident segments locked memory; the soft
/// limits are often far below the hard ones.
void raise_limits() {
  for (auto resource : {RLIMIT_NOFILE, RLIMIT_MEMLOCK}) {
    rlimit limit{};
    if (getrlimit(resource, &limit) != 0)
      continue;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(resource, &limit);
  }
}

const char* name_of(actors::sync_mode mode) {
  switch (mode) {
    case actors::sync_mode::always:
      return "always";
    case actors::sync_mode::interval:
      return "interval";
    case actors::sync_mode::none:
      return "none";
  }
  return "?";
}

int exit_code_of(const storage::error& error) {
  switch (error.code) {
    case storage::errc::locked:
    case storage::errc::unusable_directory:
      return exit_cannot_create;
    default:
      return exit_io;
  }
}

void log_recovery(const storage::recovery_report& report) {
  logging::info("store.opened created={} keys={} records={} segments={} "
                "segments_from_hints={} from_checkpoint={}",
                report.created, report.keys, report.records, report.segments,
                report.segments_from_hints, report.from_checkpoint);
  if (!report.checkpoint_ignored.empty())
    logging::warn("store.checkpoint-ignored reason=\"{}\"",
                  report.checkpoint_ignored);
  if (report.torn_bytes > 0)
    logging::warn("store.torn-tail-cut file={} bytes={}", report.torn_file,
                  report.torn_bytes);
  for (const auto& name : report.deleted_files)
    logging::info("store.leftover-deleted file={}", name);
}

/// Lets the clients' requests finish, then closes whoever is left.
void stop_listener(caf::actor_system& system,
                   const actors::acceptor_actor& acceptor) {
  constexpr auto drain_timeout = 4s;
  caf::scoped_actor self{system};
  auto drained = false;
  caf_compat::ask_within(self.ptr(), acceptor, drain_timeout,
                         actors::stop_listening{})
    .receive([&](const actors::listening_stopped&) { drained = true; },
             [](const caf::error&) {});
  if (drained)
    return;
  logging::warn("node.clients-aborted");
  caf_compat::tell_anon(acceptor, actors::abort_connections{});
  caf_compat::ask_within(self.ptr(), acceptor, drain_timeout,
                         actors::stop_listening{})
    .receive([](const actors::listening_stopped&) {}, [](const caf::error&) {});
}

int serve(caf::actor_system& system, actors::running_store& store,
          const node_options& options, resp_service& resp,
          const stop_events& events) {
  auto listening
    = actors::spawn_listener(system, store.access(), options.listener);
  if (!listening) {
    logging::critical("node.bind-failed error=\"{}\"",
                      storage::to_string(listening.error()));
    return exit_unavailable;
  }
  logging::info("node.listening addr={}", listening->address);
  if (!resp.listen(store.access(), [&events] { events.request_stop(); })) {
    stop_listener(system, listening->acceptor);
    return exit_unavailable;
  }
  std::puts("ready");
  std::fflush(stdout);
  auto reason = events.wait();
  logging::info("node.stopping reason={}",
                reason == stop_reason::signal ? "signal" : "failure");
  if (resp.acceptor())
    stop_listener(system, *resp.acceptor());
  stop_listener(system, listening->acceptor);
  auto stopped = store.stop();
  if (reason == stop_reason::failure)
    return exit_software;
  if (stopped.code != actors::outcome::ok) {
    logging::error("node.stop-failed error=\"{}\"",
                   stopped.detail ? *stopped.detail : "");
    return exit_io;
  }
  logging::info("node.stopped");
  return exit_ok;
}

int run(node_options options, const stop_events& events) {
  // A core is left to the kernel and to clients (docs/adr/0007).
  auto cores = std::max(1U, std::thread::hardware_concurrency());
  if (options.thread_count == 0)
    options.thread_count = std::max(1U, cores - 1);
  if (options.store.shard_count == 0)
    options.store.shard_count = cores;
  logging::info("node.starting version={} pid={} dir={} addr={}:{} shards={} "
                "threads={} sync={}",
                KVS_VERSION, getpid(), options.store.directory,
                options.listener.host, options.listener.port,
                options.store.shard_count, options.thread_count,
                name_of(options.store.sync));
  recovery_display display;
  options.store.on_progress = [&](const storage::recovery_progress& now) {
    display.update(now);
    // Recovery may be cut off at any step and run again.
    if (events.is_signalled()) {
      display.finish();
      logging::info("node.stopped during=recovery");
      std::_Exit(exit_ok);
    }
  };
  options.store.on_death = [&](const std::string& role) {
    logging::critical("node.failed actor={}", role);
    events.report_failure();
  };
  options.store.on_read_only = [](const std::string& why) {
    logging::critical("store.read-only reason=\"{}\"", why);
  };
  caf::actor_system_config config;
  actors::use_asio_scheduler(config, options.thread_count);
  caf::actor_system system{config};
  resp_service resp{system, options, options.store.on_death};
  auto store = actors::spawn_store(system, options.store);
  display.finish();
  if (!store) {
    logging::critical("node.open-failed code={} error=\"{}\"",
                      storage::to_string(store.error().code),
                      storage::to_string(store.error()));
    resp.stop();
    return exit_code_of(store.error());
  }
  log_recovery((*store)->report());
  auto code = serve(system, **store, options, resp, events);
  resp.stop();
  return code;
}

} // namespace
} // namespace kvs::apps

int main(int argc, char** argv) {
  using namespace kvs::apps;
  auto parsed = parse_node_options(argc, argv);
  if (auto* done = std::get_if<exit_now>(&parsed))
    return done->code;
  if (auto* verify = std::get_if<verify_command>(&parsed))
    return run(*verify);
  if (auto* salvage = std::get_if<salvage_command>(&parsed))
    return run(*salvage);
  if (auto* restore = std::get_if<restore_command>(&parsed))
    return run(*restore);
  auto& options = std::get<node_options>(parsed);
  set_up_log(options.verbose);
  raise_limits();
  // Before any thread exists: all of them inherit the signal mask.
  stop_events events;
  auto code = run(std::move(options), events);
  spdlog::shutdown();
  return code;
}
