#include "storage/hint_merge.hpp"

#include <algorithm>
#include <bit>

namespace kvs::storage {
namespace {

/// Records of one piece, roughly: some megabytes, which stay in a cache.
constexpr std::uint64_t piece_records = 32 * 1024;

/// Pieces at most: as many as a large hint file has sections. More would read
/// every section several times.
constexpr std::uint64_t pieces_max = 256;

/// Partitions of one piece, a power of two. Few pieces for few records, since
/// every piece reads of every source.
std::uint32_t
partitions_of_piece(const std::vector<std::unique_ptr<hint_source>>& sources) {
  std::uint64_t records = 0;
  for (const auto& each : sources)
    records += each->size();
  const std::uint64_t pieces
    = std::clamp<std::uint64_t>(records / piece_records, 1, pieces_max);
  return partition_count / static_cast<std::uint32_t>(std::bit_floor(pieces));
}

constexpr key_hash first_hash(std::uint32_t partition) noexcept {
  return key_hash{partition} << (64 - partition_bits);
}

/// A piece of the hash space on its way into the index.
class piece {
public:
  explicit piece(std::uint32_t partitions)
    : tables_{partitions >> (partition_bits - index_table_bits)} {
  }

  /// Calls `visit` for the entries of one table after the other, sorted by key
  /// and age.
  template <class Visit>
  void for_each_table(const std::vector<hint_entry>& entries, Visit visit) {
    if (entries.size() < tables_ / 4)
      sort_as_a_whole(entries, visit);
    else
      sort_by_table(entries, visit);
  }

private:
  using iterator = std::vector<const hint_entry*>::iterator;

  static void sort(iterator begin, iterator end) {
    std::sort(begin, end, [](const hint_entry* a, const hint_entry* b) {
      return a->key != b->key ? a->key < b->key : a->sequence > b->sequence;
    });
  }

  /// For few entries, of which most tables have none: tables are in the order
  /// of the keys.
  template <class Visit>
  void sort_as_a_whole(const std::vector<hint_entry>& entries, Visit visit) {
    sorted_.clear();
    for (const hint_entry& entry : entries)
      sorted_.push_back(&entry);
    sort(sorted_.begin(), sorted_.end());
    for (auto begin = sorted_.begin(); begin != sorted_.end();) {
      const auto end
        = std::find_if(begin, sorted_.end(), [&](const hint_entry* each) {
            return table_in_piece(*each) != table_in_piece(**begin);
          });
      visit(begin, end);
      begin = end;
    }
  }

  /// Deals the entries out to their tables first, in one pass.
  template <class Visit>
  void sort_by_table(const std::vector<hint_entry>& entries, Visit visit) {
    ends_.assign(tables_ + 1, 0);
    for (const hint_entry& entry : entries)
      ++ends_[table_in_piece(entry) + 1];
    for (std::uint32_t i = 0; i < tables_; ++i)
      ends_[i + 1] += ends_[i];
    begins_ = ends_;
    sorted_.resize(entries.size());
    for (const hint_entry& entry : entries)
      sorted_[ends_[table_in_piece(entry)]++] = &entry;
    for (std::uint32_t i = 0; i < tables_; ++i) {
      const auto begin = sorted_.begin() + begins_[i];
      const auto end = sorted_.begin() + begins_[i + 1];
      sort(begin, end);
      visit(begin, end);
    }
  }

  std::uint32_t table_in_piece(const hint_entry& entry) const noexcept {
    return index_table_of(entry.key.hash) & (tables_ - 1);
  }

  std::uint32_t tables_;
  std::vector<std::uint32_t> begins_;
  /// While entries are dealt out: where the next one of a table goes.
  std::vector<std::uint32_t> ends_;
  std::vector<const hint_entry*> sorted_;
};

bool is_alive(const hint_entry& newest, const merge_rule& rule) noexcept {
  return newest.type == record_type::put
         && newest.sequence >= rule.flushed_below
         && (newest.expires_at == 0 || newest.expires_at > rule.now);
}

} // namespace

result<ok> merge_hints(const std::vector<std::unique_ptr<hint_source>>& sources,
                       const merge_rule& rule, index& keys,
                       expiry_queue& expiring) {
  std::vector<hint_entry> entries;
  std::vector<const hint_entry*> winners;
  const std::uint32_t piece_partitions = partitions_of_piece(sources);
  piece current{piece_partitions};
  for (std::uint32_t begin = keys.first_partition();
       begin < keys.end_partition();) {
    const std::uint32_t end = std::min(
      keys.end_partition(), (begin / piece_partitions + 1) * piece_partitions);
    entries.clear();
    for (const auto& source : sources)
      // The hash of the end may not fit 64 bits, the one before it does.
      if (auto read
          = source->read(first_hash(begin), first_hash(end) - 1, entries);
          !read)
        return read;
    current.for_each_table(entries, [&](auto it, auto table_end) {
      winners.clear();
      while (it != table_end) {
        if (is_alive(**it, rule))
          winners.push_back(*it);
        const key_fingerprint key = (*it)->key;
        it = std::find_if(it + 1, table_end, [&](const hint_entry* each) {
          return each->key != key;
        });
      }
      if (winners.empty())
        return;
      keys.reserve(winners.front()->key.hash,
                   static_cast<std::uint32_t>(winners.size()));
      for (const hint_entry* winner : winners) {
        keys.insert(winner->key.hash, winner->location);
        if (winner->expires_at != 0)
          expiring.add(
            {winner->key.hash, winner->location, winner->expires_at});
      }
    });
    begin = end;
  }
  return ok{};
}

} // namespace kvs::storage
