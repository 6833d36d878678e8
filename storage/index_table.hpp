#pragma once

#include "storage/index_slot.hpp"
#include "storage/prefetch.hpp"

#include <cstdint>
#include <memory>
#include <vector>

/// The hash tables inside an index: private to index*.cpp.
namespace kvs::storage {

/// Blocks for the tables of one index, in slabs, so that a table grows block
/// by block without leaving holes behind. Memory of freed blocks is used
/// again, not given back before the pool goes.
class block_pool {
public:
  /// An empty block.
  index_block* take();
  void give_back(index_block* block) noexcept;

  /// For tables that are being rearranged: one table at a time.
  std::vector<index_slot>& scratch() noexcept {
    return scratch_;
  }

private:
  static constexpr std::size_t slab_blocks = 4096;
  struct free_block {
    free_block* next;
  };

  std::vector<std::unique_ptr<index_block[]>> slabs_;
  /// Blocks of the last slab that were never used.
  std::size_t fresh_blocks_ = 0;
  free_block* free_ = nullptr;
  std::vector<index_slot> scratch_;
};

/// Slots in the order of their tags, spread evenly over the lines of a few
/// blocks; among equal tags the one that was inserted last comes first.
///
/// Bucketised ordered linear probing (Amble and Knuth, "Ordered hash tables",
/// 1974): every tag has a home line, which rises with the tag. A slot lies in
/// its home line or behind it, and then every line in between is full. So a
/// search ends at the first line that is not full or holds a larger tag.
///
/// Growth adds blocks and spreads the slots anew: one pass over this table
/// alone, while others stay as they are.
class index_table {
public:
  index_table() = default;
  index_table(index_table&& other) noexcept;
  index_table& operator=(index_table&&) = delete;

  /// A slot of this table; valid until the next change.
  struct position {
    std::uint32_t line = 0;
    std::uint32_t at = 0;
  };

  /// Where the first slot with this or a larger tag lies, or would lie.
  position lower_bound(std::uint32_t tag) const noexcept;
  /// Whether there is a slot, in this line or the next ones; moves `where`
  /// to it.
  bool settle(position& where) const noexcept;
  index_slot get(const position& where) const noexcept {
    return line(where.line).get(where.at);
  }
  /// Calls `visit(position, slot)` for the slots with this tag until it returns
  /// true. Whether it did. After that, but not before, it may have changed
  /// this table.
  template <class Visit>
  bool any_of(std::uint32_t tag, Visit visit) const {
    auto where = lower_bound(tag);
    for (; where.line < line_count(); ++where.line, where.at = 0) {
      const index_line& here = line(where.line);
      for (; where.at < here.count; ++where.at) {
        if (here.tags[where.at] != tag)
          return false;
        if (visit(where, here.get(where.at)))
          return true;
      }
      // Nothing flows over from a line that has room. Most searches end here
      // and save the look into a line that is not in the cache.
      if (!here.is_full())
        return false;
    }
    return false;
  }
  /// Same tag, another place. @pre the slot exists
  void replace(const position& where, const index_slot& slot) noexcept {
    line(where.line).set(where.at, slot);
  }

  /// In front of all slots with the same tag.
  void insert(block_pool& pool, const index_slot& slot);
  /// @pre the slot exists
  void remove(block_pool& pool, const position& where);
  void clear(block_pool& pool) noexcept;
  /// Takes slots in their order, all at once. @pre it is empty
  void assign(block_pool& pool, const std::vector<index_slot>& slots);
  /// Makes room for so many slots in all.
  void reserve(block_pool& pool, std::uint32_t slots);

  std::uint32_t size() const noexcept {
    return count_;
  }
  /// Asks the processor for the pointer to the block where a search for `tag`
  /// begins, …
  void prefetch_block(std::uint32_t tag) const noexcept {
    if (block_count_ != 0)
      storage::prefetch(&blocks_[home(tag) / index_block::lines]);
  }
  /// … and for the line.
  void prefetch(std::uint32_t tag) const noexcept {
    if (block_count_ != 0)
      storage::prefetch(&line(home(tag)));
  }

private:
  std::uint32_t line_count() const noexcept {
    return block_count_ * index_block::lines;
  }
  index_line& line(std::uint32_t number) const noexcept {
    return blocks_[number / index_block::lines]
      ->line[number % index_block::lines];
  }
  std::uint32_t home(std::uint32_t tag) const noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{tag} * home_lines_) >> 32);
  }
  void resize_blocks(block_pool& pool, std::uint32_t count);
  void spread(block_pool& pool, std::uint32_t blocks);
  /// Fills empty lines with slots in their order.
  void lay_out(block_pool& pool, std::uint32_t blocks,
               const std::vector<index_slot>& slots);

  std::unique_ptr<index_block*[]> blocks_;
  std::uint32_t block_count_ = 0;
  /// Lines that are some tag's home; those behind take what flows over.
  std::uint32_t home_lines_ = 0;
  std::uint32_t count_ = 0;
};

} // namespace kvs::storage
