// Import of directories of Bitcask.

#include "apps/client/bitcask_file.hpp"
#include "apps/client/import_report.hpp"
#include "apps/client/output.hpp"
#include "apps/client/transfer.hpp"
#include "protocol/limits.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <unordered_map>

namespace kvs::apps {

namespace {

using status = bitcask_reader::status;

// Enough to see whether it is a tombstone.
constexpr std::uint64_t first_bytes = 32;

// Reads all files twice: what stands behind decides what is alive, and a store
// that others use must not see values that were overwritten long ago. In
// between it keeps what Bitcask itself keeps in memory: the keys.
class bitcask_importer {
public:
  explicit bitcask_importer(session& node) : node_(node) {
  }

  int run(const bitcask_directory& found) {
    if (!writer_.begin())
      return node_.failure();
    for (const auto& each : found.files)
      total_bytes_ += 2 * each.size_bytes;
    report_.dead_files = found.dead_files.size();
    for (const auto& each : found.files)
      find_living(each);
    for (const auto& each : found.files)
      store_living(each);
    return report_.finish(node_, writer_);
  }

private:
  struct place {
    std::uint64_t file_number{0};
    std::uint64_t offset{0};

    bool operator==(const place&) const = default;
  };

  void find_living(const bitcask_data_file& file) {
    for_each_record(file, first_bytes, true, [&](const bitcask_record& record) {
      if (record.is_tombstone())
        living_.erase(record.key);
      else
        living_[record.key] = {file.number, record.offset};
    });
  }

  void store_living(const bitcask_data_file& file) {
    for_each_record(file, protocol::decode_limits{}.value_bytes_max, false,
                    [&](const bitcask_record& record) {
                      const auto found = living_.find(record.key);
                      if (found == living_.end()
                          || found->second != place{file.number, record.offset})
                        return;
                      if (record.value.size() == record.value_bytes)
                        writer_.put(record.key, record.value, 0);
                      else
                        writer_.complain(
                          "key " + in_quotes(record.key),
                          "a value of " + std::to_string(record.value_bytes)
                            + " bytes is longer than any that a node takes; "
                              "not imported");
                    });
  }

  template <class Visit>
  void for_each_record(const bitcask_data_file& file,
                       std::uint64_t value_bytes_kept, bool reports_damage,
                       Visit visit) {
    std::ifstream in{file.path, std::ios::binary};
    if (!in && reports_damage)
      report_.add_damage(writer_, file.path, 0,
                         std::string{"cannot open it: "}
                           + std::strerror(errno));
    if (!in)
      return;
    bitcask_reader reader{in, file.size_bytes, value_bytes_kept};
    bitcask_record record;
    for (auto found = status::record; !writer_.lost();) {
      found = reader.next(record);
      writer_.update(done_bytes_ + reader.read_bytes(), total_bytes_);
      if (found == status::record)
        visit(record);
      else if (reports_damage)
        report(file, reader.offset(), found);
      if (found == status::end || found == status::torn)
        break;
    }
    done_bytes_ += file.size_bytes;
  }

  void report(const bitcask_data_file& file, std::uint64_t offset,
              status found) {
    if (found == status::damaged)
      report_.add_damage(writer_, file.path, offset,
                         "the checksum does not match; left out, an older "
                         "value of the key may be imported");
    else if (found == status::torn)
      report_.add_damage(writer_, file.path, offset,
                         "the last " + std::to_string(file.size_bytes - offset)
                           + " bytes of the file are no whole record; left "
                             "out");
  }

  session& node_;
  import_writer writer_{node_};
  import_report report_;
  std::unordered_map<std::string, place> living_;
  std::uint64_t total_bytes_{0};
  std::uint64_t done_bytes_{0};
};

} // namespace

int run_import_bitcask(session& node, const std::string& directory) {
  const auto found = list_bitcask_files(directory);
  if (!found.error.empty()) {
    print_error("cannot read '" + directory + "': " + found.error);
    return exit_failed;
  }
  if (found.files.empty()) {
    print_error("there are no data files of Bitcask in '" + directory + "'");
    return exit_failed;
  }
  return bitcask_importer{node}.run(found);
}

} // namespace kvs::apps
