// The sections of INFO, in the order and with the names of Redis 7.0.

#include "actors/resp/info_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace kvs::actors::resp {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
constexpr std::uint64_t seconds_per_day = 86'400;

std::string with_decimals(double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

std::string readable(std::uint64_t bytes) {
  constexpr std::array units = {"B", "K", "M", "G", "T"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  return (unit == 0 ? std::to_string(bytes) : with_decimals(value))
         + units[unit];
}

/// Collects the lines of the sections that were asked for.
class info_writer {
public:
  info_writer(const std::vector<std::string>& wanted, const info_facts& facts)
    : facts{facts}, wanted_{wanted} {
  }

  bool section(const std::string& name, const char* title) {
    return (wanted_.empty() || is_wanted("default") || is_wanted(name))
           && begin(title);
  }
  /// One that Redis does not show unless it is asked for it.
  bool special_section(const std::string& name, const char* title) {
    return is_wanted(name) && begin(title);
  }
  info_writer& line(const std::string& name, const std::string& value) {
    text_ += name;
    text_ += ":" + value + "\r\n";
    return *this;
  }
  info_writer& line(const std::string& name, std::uint64_t value) {
    return line(name, std::to_string(value));
  }
  info_writer& none(std::initializer_list<const char*> names) {
    for (const auto* name : names)
      line(name, 0);
    return *this;
  }
  std::uint64_t stored(const std::string& name) const {
    auto it = facts.store.find(name);
    return it == facts.store.end() ? 0 : std::stoull(it->second);
  }
  const std::string& text() const {
    return text_;
  }

  const info_facts& facts;

private:
  bool is_wanted(std::string_view name) const {
    return std::ranges::any_of(wanted_, [&](const auto& each) {
      return each == name
             || (name != "default" && (each == "all" || each == "everything"));
    });
  }
  bool begin(const char* title) {
    if (!text_.empty())
      text_ += "\r\n";
    text_ += "# ";
    text_ += title;
    text_ += "\r\n";
    return true;
  }

  const std::vector<std::string>& wanted_;
  std::string text_;
};

void add_server(info_writer& out) {
  if (!out.section("server", "Server"))
    return;
  const auto& services = out.facts.services;
  const auto& process = out.facts.process;
  auto now_us = out.facts.now_us;
  auto uptime = static_cast<std::uint64_t>(
    std::max<std::int64_t>(0, now_us / us_per_second - services.started_s));
  const auto& address = services.local_address;
  out.line("redis_version", "7.0.15")
    .line("redis_git_sha1", "00000000")
    .line("redis_git_dirty", 0)
    .line("redis_build_id", "0")
    .line("redis_mode", "standalone")
    .line("os", process.system)
    .line("arch_bits", 64)
    .line("monotonic_clock", "POSIX clock_gettime")
    .line("multiplexing_api", "epoll")
    .line("process_id", process.id)
    .line("process_supervised", "no")
    .line("run_id", services.run_id)
    .line("tcp_port", address.substr(address.rfind(':') + 1))
    .line("server_time_usec", std::to_string(now_us))
    .line("uptime_in_seconds", uptime)
    .line("uptime_in_days", uptime / seconds_per_day)
    .line("hz", 10)
    .line("configured_hz", 10)
    .line("lru_clock", 0)
    .line("executable", "kvs-node")
    .line("config_file", "")
    .line("io_threads_active", 0);
}

void add_clients(info_writer& out) {
  if (!out.section("clients", "Clients"))
    return;
  const auto& all = out.facts.clients.clients;
  auto pubsub = static_cast<std::uint64_t>(std::ranges::count_if(
    all, [](const auto& each) { return each.type == "pubsub"; }));
  out.line("connected_clients", all.size())
    .line("cluster_connections", 0)
    .line("maxclients", out.facts.clients_max)
    .none({"client_recent_max_input_buffer", "client_recent_max_output_buffer",
           "blocked_clients", "tracking_clients", "clients_in_timeout_table"})
    .line("pubsub_clients", pubsub);
}

void add_memory(info_writer& out) {
  if (!out.section("memory", "Memory"))
    return;
  const auto& process = out.facts.process;
  auto used = process.own_bytes;
  auto peak = process.peak_bytes;
  auto of_peak
    = peak == 0 ? 0.0
                : 100 * static_cast<double>(used) / static_cast<double>(peak);
  out.line("used_memory", used)
    .line("used_memory_human", readable(used))
    .line("used_memory_rss", process.resident_bytes)
    .line("used_memory_rss_human", readable(process.resident_bytes))
    .line("used_memory_peak", peak)
    .line("used_memory_peak_human", readable(peak))
    .line("used_memory_peak_perc", with_decimals(of_peak) + "%")
    .line("total_system_memory", process.machine_bytes)
    .line("total_system_memory_human", readable(process.machine_bytes))
    .none({"used_memory_lua", "used_memory_scripts", "number_of_cached_scripts",
           "number_of_functions", "number_of_libraries", "maxmemory"})
    .line("maxmemory_human", "0B")
    .line("maxmemory_policy", "noeviction")
    .line("mem_fragmentation_ratio", "1.00")
    .none({"mem_fragmentation_bytes", "mem_not_counted_for_evict",
           "mem_replication_backlog", "mem_total_replication_buffers",
           "mem_clients_slaves", "mem_cluster_links", "mem_aof_buffer"})
    .line("mem_allocator", process.allocator)
    .none({"active_defrag_running", "lazyfree_pending_objects",
           "lazyfreed_objects"});
}

void add_persistence(info_writer& out) {
  if (!out.section("persistence", "Persistence"))
    return;
  // Every write goes to the log, and a failed write or sync is final.
  auto status = out.stored("is_read_only") == 0 ? "ok" : "err";
  auto now_s = static_cast<std::uint64_t>(out.facts.now_us / us_per_second);
  out
    .none({"loading", "async_loading", "current_cow_peak", "current_cow_size",
           "rdb_changes_since_last_save", "rdb_bgsave_in_progress"})
    .line("rdb_last_save_time", now_s)
    .line("rdb_last_bgsave_status", status)
    .line("rdb_last_bgsave_time_sec", "-1")
    .line("rdb_current_bgsave_time_sec", "-1")
    .none({"rdb_saves", "rdb_last_cow_size"})
    .line("aof_enabled", 1)
    .none({"aof_rewrite_in_progress", "aof_rewrite_scheduled"})
    .line("aof_last_rewrite_time_sec", "-1")
    .line("aof_current_rewrite_time_sec", "-1")
    .line("aof_last_bgrewrite_status", status)
    .line("aof_last_write_status", status)
    .none({"aof_last_cow_size", "module_fork_in_progress"});
}

void add_stats(info_writer& out) {
  if (!out.section("stats", "Stats"))
    return;
  const auto& clients = out.facts.clients;
  const auto& counted = clients.counted;
  std::uint64_t errors = 0;
  for (const auto& [word, count] : counted.errors)
    errors += count;
  auto kilobytes = [](double bytes) { return with_decimals(bytes / 1024); };
  out.line("total_connections_received", clients.joined)
    .line("total_commands_processed", counted.commands)
    .line("instantaneous_ops_per_sec",
          static_cast<std::uint64_t>(clients.commands_per_second))
    .line("total_net_input_bytes", counted.input_bytes)
    .line("total_net_output_bytes", counted.output_bytes)
    .none({"total_net_repl_input_bytes", "total_net_repl_output_bytes"})
    .line("instantaneous_input_kbps", kilobytes(clients.input_bytes_per_second))
    .line("instantaneous_output_kbps",
          kilobytes(clients.output_bytes_per_second))
    .none({"sync_full", "sync_partial_ok", "sync_partial_err"})
    .line("expired_keys", out.stored("keys_expired"))
    .line("expired_stale_perc", "0.00")
    .none({"expired_time_cap_reached_count", "evicted_keys", "evicted_clients"})
    .line("keyspace_hits", counted.hits)
    .line("keyspace_misses", counted.misses)
    .line("pubsub_channels", out.facts.channels)
    .line("pubsub_patterns", out.facts.patterns)
    .none({"pubsubshard_channels", "latest_fork_usec", "total_forks",
           "migrate_cached_sockets", "slave_expires_tracked_keys",
           "active_defrag_hits", "active_defrag_misses", "tracking_total_keys",
           "tracking_total_items", "unexpected_error_replies"})
    .line("total_error_replies", errors)
    .line("total_reads_processed", out.stored("reads"))
    .line("total_writes_processed", out.stored("writes"));
}

void add_replication(info_writer& out) {
  if (!out.section("replication", "Replication"))
    return;
  out.line("role", "master")
    .line("connected_slaves", 0)
    .line("master_failover_state", "no-failover")
    .line("master_replid", out.facts.services.run_id)
    .line("master_replid2", std::string(40, '0'))
    .line("master_repl_offset", 0)
    .line("second_repl_offset", "-1")
    .none({"repl_backlog_active", "repl_backlog_size",
           "repl_backlog_first_byte_offset", "repl_backlog_histlen"});
}

void add_cpu(info_writer& out) {
  if (out.section("cpu", "CPU"))
    out.line("used_cpu_sys", out.facts.process.system_seconds)
      .line("used_cpu_user", out.facts.process.user_seconds)
      .line("used_cpu_sys_children", "0.000000")
      .line("used_cpu_user_children", "0.000000");
}

void add_commands(info_writer& out) {
  if (!out.special_section("commandstats", "Commandstats"))
    return;
  auto all = out.facts.clients.counted.by_command.all();
  std::ranges::sort(all, {}, [](const auto& each) { return each.first->name; });
  for (const auto& [spec, count] : all) {
    auto us = std::chrono::duration_cast<std::chrono::microseconds>(count.took)
                .count();
    auto each = count.calls == 0
                  ? 0.0
                  : static_cast<double>(us) / static_cast<double>(count.calls);
    out.line("cmdstat_" + std::string{spec->name},
             "calls=" + std::to_string(count.calls) + ",usec="
               + std::to_string(us) + ",usec_per_call=" + with_decimals(each)
               + ",rejected_calls=" + std::to_string(count.rejected)
               + ",failed_calls=" + std::to_string(count.failed));
  }
}

void add_errors(info_writer& out) {
  if (!out.section("errorstats", "Errorstats"))
    return;
  for (const auto& [word, count] : out.facts.clients.counted.errors)
    out.line("errorstat_" + word, "count=" + std::to_string(count));
}

void add_keyspace(info_writer& out) {
  auto keys = out.stored("keys");
  if (!out.section("keyspace", "Keyspace") || keys == 0)
    return;
  auto expiring = out.stored("keys_expiring");
  auto ttl_ms = out.stored("ttl_sum_s") * 1000;
  out.line("db0", "keys=" + std::to_string(keys)
                    + ",expires=" + std::to_string(expiring) + ",avg_ttl="
                    + std::to_string(expiring == 0 ? 0 : ttl_ms / expiring));
}

void add_kvs(info_writer& out) {
  if (!out.section("kvs", "Kvs"))
    return;
  out.line("kvs_version", out.facts.services.node_version);
  for (const auto& [name, value] : out.facts.store)
    out.line("kvs_" + name, value);
}

} // namespace

std::string info_text(const std::vector<std::string>& wanted,
                      const info_facts& facts) {
  info_writer out{wanted, facts};
  add_server(out);
  add_clients(out);
  add_memory(out);
  add_persistence(out);
  add_stats(out);
  add_replication(out);
  add_cpu(out);
  out.section("modules", "Modules");
  add_commands(out);
  add_errors(out);
  if (out.section("cluster", "Cluster"))
    out.line("cluster_enabled", 0);
  add_keyspace(out);
  add_kvs(out);
  return out.text();
}

} // namespace kvs::actors::resp
