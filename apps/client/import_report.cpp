// The end of an import.

#include "apps/client/import_report.hpp"

#include "apps/client/output.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

namespace kvs::apps {

namespace {

// Beyond that nobody reads on; stderr has named all of them.
constexpr std::size_t kept_damages_max = 1000;

void print_left_out_keys(std::uint64_t count, std::string_view why) {
  print_error("not imported: " + grouped(count)
              + (count == 1 ? " key" : " keys") + std::string{why});
}

template <class Counts>
json_value to_json(const Counts& counts) {
  json_value object = json_value::object();
  for (const auto& [name, count] : counts) {
    if constexpr (std::is_integral_v<std::decay_t<decltype(name)>>)
      object[std::to_string(name)] = count;
    else
      object[name] = count;
  }
  return object;
}

} // namespace

void import_report::add_damage(import_writer& writer, const std::string& file,
                               std::uint64_t offset,
                               const std::string& reason) {
  ++damage_count_;
  writer.hide_progress();
  print_error(file + ": offset " + std::to_string(offset) + ": " + reason);
  if (damages_.size() < kept_damages_max)
    damages_.push_back({file, offset, reason});
}

int import_report::finish(session& node, import_writer& writer) const {
  writer.finish();
  print_left_out();
  if (node.json())
    print_as_json(writer);
  return writer.failed() == 0 && damage_count_ == 0 ? exit_ok : exit_failed;
}

void import_report::print_left_out() const {
  for (const auto& [name, count] : other_types)
    print_left_out_keys(count, " of type " + name);
  for (const auto& [number, count] : other_databases)
    print_left_out_keys(count, " of database " + std::to_string(number)
                                 + "; see --db");
  if (expired != 0)
    print_left_out_keys(expired, " whose time is over");
  if (dead_files != 0)
    print_error("not read: " + grouped(dead_files)
                + (dead_files == 1 ? " file" : " files")
                + " marked for deletion");
  if (vanished != 0)
    print_left_out_keys(vanished, " erased in the meantime");
}

void import_report::print_as_json(const import_writer& writer) const {
  json_value damaged = json_value::array();
  for (const damage& each : damages_)
    damaged.push_back(
      {{"file", each.file}, {"offset", each.offset}, {"reason", each.reason}});
  print_json({{"imported", writer.imported()},
              {"failed", writer.failed()},
              {"expired", expired},
              {"vanished", vanished},
              {"dead_files", dead_files},
              {"other_types", to_json(other_types)},
              {"other_databases", to_json(other_databases)},
              {"damage_count", damage_count_},
              {"damages", damaged}});
}

} // namespace kvs::apps
