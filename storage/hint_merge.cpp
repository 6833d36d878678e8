#include "storage/hint_merge.hpp"

#include <algorithm>
#include <array>

namespace kvs::storage {
namespace {

/// Partitions of one piece: as many as a section of a large hint file holds.
constexpr std::uint32_t piece_partitions = partition_count >> 8;

/// Tables of one piece, each sorted for itself.
constexpr std::uint32_t piece_tables
  = (1U << index_table_bits) / (partition_count / piece_partitions);

constexpr key_hash first_hash(std::uint32_t partition) noexcept {
  return key_hash{partition} << (64 - partition_bits);
}

/// A piece of the hash space on its way into the index.
class piece {
public:
  /// Deals the entries out to their tables.
  void divide(const std::vector<hint_entry>& entries) {
    std::array<std::uint32_t, piece_tables + 1> ends{};
    for (const hint_entry& entry : entries)
      ++ends[table_in_piece(entry) + 1];
    for (std::uint32_t i = 0; i < piece_tables; ++i)
      ends[i + 1] += ends[i];
    begins_ = ends;
    sorted_.resize(entries.size());
    for (const hint_entry& entry : entries)
      sorted_[ends[table_in_piece(entry)]++] = &entry;
  }

  /// Calls `visit` for the entries of one table, sorted by key and age.
  template <class Visit>
  void for_each_table(Visit visit) {
    for (std::uint32_t i = 0; i < piece_tables; ++i) {
      const auto begin = sorted_.begin() + begins_[i];
      const auto end = sorted_.begin() + begins_[i + 1];
      std::sort(begin, end, [](const hint_entry* a, const hint_entry* b) {
        return a->key != b->key ? a->key < b->key : a->sequence > b->sequence;
      });
      visit(begin, end);
    }
  }

private:
  static std::uint32_t table_in_piece(const hint_entry& entry) noexcept {
    return index_table_of(entry.key.hash) % piece_tables;
  }

  std::array<std::uint32_t, piece_tables + 1> begins_{};
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
  piece current;
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
    current.divide(entries);
    current.for_each_table([&](auto it, auto table_end) {
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
