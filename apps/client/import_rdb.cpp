// Import of snapshots of Redis.

#include "apps/client/import_report.hpp"
#include "apps/client/output.hpp"
#include "apps/client/transfer.hpp"
#include "protocol/limits.hpp"
#include "protocol/resp/rdb.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace kvs::apps {

using protocol::resp::rdb_entry;

namespace {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch())
    .count();
}

class rdb_importer {
public:
  rdb_importer(session& node, std::uint64_t database)
    : node_(node), database_(database) {
  }

  int run(std::istream& in, const std::string& file, std::uint64_t bytes) {
    file_bytes_ = bytes;
    if (!writer_.begin())
      return node_.failure();
    const auto summary = protocol::resp::read_rdb(
      in, [this](const rdb_entry& entry) { return take(entry); });
    // Without a connection the reading was ended on purpose.
    if (!summary.error.empty() && !writer_.lost())
      report_.add_damage(writer_, file, summary.offset,
                         summary.error + "; reading ended here");
    for (const auto& [database, types] : summary.skipped)
      for (const auto& [type, count] : types)
        if (database == database_)
          report_.other_types[type] += count;
        else
          report_.other_databases[database] += count;
    return report_.finish(node_, writer_);
  }

private:
  bool take(const rdb_entry& entry) {
    writer_.update(entry.offset, file_bytes_);
    std::int64_t expiry_ms = 0;
    const bool is_mortal = entry.expires_at_ms != 0;
    if (is_mortal)
      expiry_ms
        = std::min(entry.expires_at_ms - now_ms(), protocol::expiry_ms_max);
    if (entry.database != database_)
      ++report_.other_databases[entry.database];
    else if (is_mortal && expiry_ms <= 0)
      ++report_.expired;
    else if (entry.value.size() != entry.value_bytes)
      writer_.complain("key " + in_quotes(entry.key),
                       "a value of " + std::to_string(entry.value_bytes)
                         + " bytes is longer than any that a node takes; not "
                           "imported");
    else
      writer_.put(entry.key, entry.value, expiry_ms);
    return !writer_.lost();
  }

  session& node_;
  std::uint64_t database_;
  std::uint64_t file_bytes_{0};
  import_writer writer_{node_};
  import_report report_;
};

} // namespace

int run_import_rdb(session& node, const std::string& file,
                   std::uint64_t database) {
  rdb_importer importer{node, database};
  if (file == "-")
    return importer.run(std::cin, "stdin", 0);
  std::error_code ignored;
  const bool is_directory = std::filesystem::is_directory(file, ignored);
  std::ifstream in{file, std::ios::binary};
  if (!in || is_directory) {
    print_error("cannot open '" + file
                + "': " + std::strerror(is_directory ? EISDIR : errno));
    return exit_failed;
  }
  const auto bytes = std::filesystem::file_size(file, ignored);
  return importer.run(in, file, ignored ? 0 : bytes);
}

} // namespace kvs::apps
