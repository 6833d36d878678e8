// INFO: figures of the node in the words of Redis, and in its own.

#include "actors/resp/resp_connection.hpp"
#include "protocol/resp/numbers.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

namespace kvs::actors::resp {
namespace {

using protocol::resp::reply_writer;
using figures = std::map<std::string, std::string>;

std::uint64_t number(const figures& all, const std::string& name) {
  auto it = all.find(name);
  return it == all.end() ? 0 : std::stoull(it->second);
}

std::string readable(std::uint64_t bytes) {
  constexpr std::array units = {"B", "K", "M", "G", "T"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f%s" : "%.2f%s",
                value, units[unit]);
  return text.data();
}

/// Collects the lines of the sections that were asked for.
class info_text {
public:
  explicit info_text(std::vector<std::string> wanted)
    : wanted_{std::move(wanted)} {
  }
  bool section(const std::string& name, const char* title) {
    auto asked = std::ranges::any_of(wanted_, [&](const auto& each) {
      return each == name || each == "all" || each == "everything"
             || each == "default";
    });
    open_ = wanted_.empty() || asked;
    if (!open_)
      return false;
    if (!text_.empty())
      text_ += "\r\n";
    text_ += "# ";
    text_ += title;
    text_ += "\r\n";
    return true;
  }
  info_text& line(const char* name, const std::string& value) {
    text_ += name;
    text_ += ":" + value + "\r\n";
    return *this;
  }
  info_text& line(const char* name, std::uint64_t value) {
    return line(name, std::to_string(value));
  }
  const std::string& text() const {
    return text_;
  }

private:
  std::vector<std::string> wanted_;
  bool open_ = false;
  std::string text_;
};

void add_server(info_text& out, const session_services& services,
                const process_figures& process) {
  if (!out.section("server", "Server"))
    return;
  auto now = std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
               .count();
  auto uptime = static_cast<std::uint64_t>(
    std::max<std::int64_t>(0, now - services.started_s));
  out.line("redis_version", "7.0.15")
    .line("redis_mode", "standalone")
    .line("os", process.system)
    .line("arch_bits", 64)
    .line("multiplexing_api", "epoll")
    .line("process_id", process.id)
    .line("run_id", services.run_id)
    .line("tcp_port",
          services.local_address.substr(services.local_address.rfind(':') + 1))
    .line("uptime_in_seconds", uptime)
    .line("uptime_in_days", uptime / 86'400)
    .line("hz", 10)
    .line("executable", "kvs-node")
    .line("config_file", "");
}

void add_memory(info_text& out, const process_figures& process) {
  if (!out.section("memory", "Memory"))
    return;
  auto resident = process.resident_bytes;
  auto peak = process.peak_bytes;
  out.line("used_memory", process.own_bytes)
    .line("used_memory_human", readable(process.own_bytes))
    .line("used_memory_rss", resident)
    .line("used_memory_rss_human", readable(resident))
    .line("used_memory_peak", peak)
    .line("used_memory_peak_human", readable(peak))
    .line("maxmemory", 0)
    .line("maxmemory_human", "0B")
    .line("maxmemory_policy", "noeviction")
    .line("mem_fragmentation_ratio", "1.00")
    .line("mem_allocator", process.allocator);
}

void add_persistence(info_text& out, const figures& store) {
  if (!out.section("persistence", "Persistence"))
    return;
  // Every write goes to the log, and a failed write or sync is final.
  auto status = number(store, "is_read_only") == 0 ? "ok" : "err";
  out.line("loading", 0)
    .line("async_loading", 0)
    .line("rdb_changes_since_last_save", 0)
    .line("rdb_bgsave_in_progress", 0)
    .line("rdb_last_bgsave_status", status)
    .line("aof_enabled", 1)
    .line("aof_rewrite_in_progress", 0)
    .line("aof_last_bgrewrite_status", status)
    .line("aof_last_write_status", status);
}

void add_keyspace(info_text& out, const figures& store) {
  auto keys = number(store, "keys");
  if (!out.section("keyspace", "Keyspace") || keys == 0)
    return;
  auto expiring = number(store, "keys_expiring");
  auto ttl_ms = number(store, "ttl_sum_s") * 1000;
  out.line("db0", "keys=" + std::to_string(keys)
                    + ",expires=" + std::to_string(expiring) + ",avg_ttl="
                    + std::to_string(expiring == 0 ? 0 : ttl_ms / expiring));
}

void add_cpu(info_text& out, const process_figures& process) {
  if (out.section("cpu", "CPU"))
    out.line("used_cpu_sys", process.system_seconds)
      .line("used_cpu_user", process.user_seconds);
}

} // namespace

void resp_connection::info(reply_place place, const arguments& args) {
  std::vector<std::string> wanted;
  for (std::size_t at = 1; at < args.size(); ++at) {
    wanted.emplace_back(args[at]);
    std::ranges::transform(wanted.back(), wanted.back().begin(),
                           protocol::resp::to_lower);
  }
  auto finish_info = [this, place, wanted](const figures& store,
                                           const clients_described& all) {
    info_text out{wanted};
    auto process = services_.process();
    add_server(out, services_, process);
    auto pubsub = static_cast<std::uint64_t>(std::ranges::count_if(
      all.clients, [](const auto& each) { return each.type == "pubsub"; }));
    if (out.section("clients", "Clients"))
      out.line("connected_clients", all.clients.size())
        .line("cluster_connections", 0)
        .line("maxclients", settings_->parameters.at("maxclients"))
        .line("blocked_clients", 0)
        .line("pubsub_clients", pubsub);
    add_memory(out, process);
    add_persistence(out, store);
    if (out.section("stats", "Stats"))
      out.line("total_connections_received", all.joined)
        .line("total_commands_processed", all.counted.commands)
        .line("total_net_input_bytes", all.counted.input_bytes)
        .line("total_net_output_bytes", all.counted.output_bytes)
        .line("expired_keys", number(store, "keys_expired"))
        .line("evicted_keys", 0)
        .line("keyspace_hits", all.counted.hits)
        .line("keyspace_misses", all.counted.misses)
        .line("total_reads_processed", number(store, "reads"))
        .line("total_writes_processed", number(store, "writes"));
    if (out.section("replication", "Replication"))
      out.line("role", "master")
        .line("connected_slaves", 0)
        .line("master_replid", services_.run_id)
        .line("master_repl_offset", 0);
    add_cpu(out, process);
    out.section("modules", "Modules");
    out.section("errorstats", "Errorstats");
    if (out.section("cluster", "Cluster"))
      out.line("cluster_enabled", 0);
    add_keyspace(out, store);
    if (out.section("kvs", "Kvs")) {
      out.line("kvs_version", services_.node_version);
      for (const auto& [name, value] : store)
        out.line(("kvs_" + name).c_str(), value);
    }
    finish_with(place,
                [&](reply_writer& to) { to.verbatim("txt", out.text()); });
    drain();
  };
  caf_compat::ask(this, services_.registry, describe_clients{})
    .then(
      [this, place, finish_info](const clients_described& clients) {
        ask_store(protocol::stats{},
                  [this, place, finish_info, clients](const auto& reply) {
                    if (has_failed(place, reply))
                      return;
                    figures store;
                    for (const auto& each :
                         std::get<protocol::stats_reply>(reply).figures)
                      store.emplace(each.name, each.value);
                    finish_info(store, clients);
                  });
        end_turn();
      },
      [this](const caf::error&) { close(nullptr); });
}

} // namespace kvs::actors::resp
