#include "storage/index_table.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace kvs::storage {
namespace {

/// Above this many of ten slots in use a table grows, …
constexpr std::uint64_t grow_tenths = 8;
/// … by a part of itself: small steps keep it between 71 % and 80 % full.
constexpr std::uint32_t growth_divisor = 8;
/// Below this many of ten it shrinks, …
constexpr std::uint64_t shrink_tenths = 4;
/// … to this many.
constexpr std::uint64_t shrunk_tenths = 7;

constexpr std::uint64_t block_slots
  = std::uint64_t{index_block::lines} * index_line::slots;

bool is_fuller(std::uint64_t slots, std::uint64_t blocks,
               std::uint64_t tenths) noexcept {
  return slots * 10 > blocks * block_slots * tenths;
}

/// The least number of blocks that are at most so full.
std::uint32_t blocks_for(std::uint64_t slots, std::uint64_t tenths) noexcept {
  const std::uint64_t per_block = block_slots * tenths;
  return static_cast<std::uint32_t>((slots * 10 + per_block - 1) / per_block);
}

} // namespace

index_block* block_pool::take() {
  index_block* block = nullptr;
  if (free_ != nullptr) {
    block = reinterpret_cast<index_block*>(std::exchange(free_, free_->next));
  } else {
    if (fresh_blocks_ == 0) {
      slabs_.push_back(
        std::make_unique_for_overwrite<index_block[]>(slab_blocks));
      fresh_blocks_ = slab_blocks;
    }
    block = &slabs_.back()[slab_blocks - fresh_blocks_--];
  }
  for (index_line& each : block->line)
    each.count = 0;
  return block;
}

void block_pool::give_back(index_block* block) noexcept {
  free_ = new (static_cast<void*>(block)) free_block{free_};
}

index_table::index_table(index_table&& other) noexcept
  : blocks_{std::move(other.blocks_)}, block_count_{std::exchange(
                                         other.block_count_, 0)},
    home_lines_{std::exchange(other.home_lines_, 0)}, count_{std::exchange(
                                                        other.count_, 0)} {
}

index_table::position
index_table::lower_bound(std::uint32_t tag) const noexcept {
  position found{home(tag), 0};
  const std::uint32_t end = line_count();
  for (; found.line < end; ++found.line) {
    const index_line& here = line(found.line);
    found.at = here.count_below(tag);
    if (found.at < index_line::slots)
      return found;
  }
  found.at = 0;
  return found;
}

bool index_table::settle(position& where) const noexcept {
  const std::uint32_t end = line_count();
  for (; where.line < end; ++where.line, where.at = 0)
    if (where.at < line(where.line).count)
      return true;
  return false;
}

void index_table::insert(block_pool& pool, const index_slot& slot) {
  if (block_count_ == 0
      || is_fuller(std::uint64_t{count_} + 1, block_count_, grow_tenths))
    spread(pool, block_count_ + block_count_ / growth_divisor + 1);
  position where = lower_bound(slot.tag);
  index_slot carried = slot;
  // What a full line loses at its end moves to the front of the next one.
  for (;; ++where.line, where.at = 0) {
    if (where.line == line_count())
      resize_blocks(pool, block_count_ + 1);
    index_line& here = line(where.line);
    if (!here.is_full()) {
      here.insert(where.at, carried);
      break;
    }
    const index_slot last = here.get(index_line::slots - 1);
    --here.count;
    here.insert(where.at, carried);
    carried = last;
  }
  ++count_;
}

void index_table::remove(block_pool& pool, const position& where) {
  index_line* here = &line(where.line);
  bool was_full = here->is_full();
  here->remove(where.at);
  --count_;
  // Whoever flowed over from here comes back.
  const std::uint32_t end = line_count();
  for (std::uint32_t number = where.line; was_full && number + 1 < end;
       ++number) {
    index_line& next = line(number + 1);
    if (next.count == 0 || home(next.tags[0]) > number)
      break;
    was_full = next.is_full();
    here->insert(here->count, next.get(0));
    next.remove(0);
    here = &next;
  }
  if (count_ == 0)
    clear(pool);
  else if (block_count_ > 1
           && !is_fuller(count_, block_count_, shrink_tenths)) {
    const std::uint32_t fewer = blocks_for(count_, shrunk_tenths);
    if (fewer < block_count_)
      spread(pool, fewer);
  }
}

void index_table::clear(block_pool& pool) noexcept {
  for (std::uint32_t i = 0; i < block_count_; ++i)
    pool.give_back(blocks_[i]);
  blocks_.reset();
  block_count_ = 0;
  home_lines_ = 0;
  count_ = 0;
}

void index_table::reserve(block_pool& pool, std::uint32_t slots) {
  const std::uint32_t blocks = blocks_for(slots, grow_tenths);
  if (blocks > block_count_)
    spread(pool, blocks);
}

void index_table::resize_blocks(block_pool& pool, std::uint32_t count) {
  auto more = std::make_unique_for_overwrite<index_block*[]>(count);
  const std::uint32_t kept = std::min(count, block_count_);
  std::copy_n(blocks_.get(), kept, more.get());
  for (std::uint32_t i = kept; i < block_count_; ++i)
    pool.give_back(blocks_[i]);
  for (std::uint32_t i = kept; i < count; ++i)
    more[i] = pool.take();
  blocks_ = std::move(more);
  block_count_ = count;
}

void index_table::spread(block_pool& pool, std::uint32_t blocks) {
  std::vector<index_slot>& slots = pool.scratch();
  slots.clear();
  for (std::uint32_t number = 0; number < line_count(); ++number) {
    index_line& here = line(number);
    for (unsigned at = 0; at < here.count; ++at)
      slots.push_back(here.get(at));
    here.count = 0;
  }
  lay_out(pool, blocks, slots);
}

void index_table::assign(block_pool& pool,
                         const std::vector<index_slot>& slots) {
  assert(count_ == 0);
  if (slots.empty())
    return;
  lay_out(pool, blocks_for(slots.size(), grow_tenths), slots);
  count_ = static_cast<std::uint32_t>(slots.size());
}

void index_table::lay_out(block_pool& pool, std::uint32_t blocks,
                          const std::vector<index_slot>& slots) {
  resize_blocks(pool, blocks);
  // The last lines take what flows over at the end.
  home_lines_ = line_count() - 1 - line_count() / 64;
  std::uint32_t number = 0;
  for (const index_slot& slot : slots) {
    number = std::max(number, home(slot.tag));
    if (number < line_count() && line(number).is_full())
      ++number;
    if (number == line_count())
      resize_blocks(pool, block_count_ + 1);
    index_line& here = line(number);
    here.insert(here.count, slot);
  }
}

} // namespace kvs::storage
