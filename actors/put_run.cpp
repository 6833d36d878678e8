#include "actors/put_run.hpp"

#include <cassert>

namespace kvs::actors {

void put_run::clear() {
  first_number_ += puts_.size();
  puts_.clear();
  replaced_count_ = 0;
}

void put_run::add(const operation& op) {
  assert(puts_.size() < puts_max);
  auto at = static_cast<std::size_t>(op.hash) % cell_count;
  for (; cells_[at] >= first_number_; at = (at + 1) % cell_count) {
    auto& earlier = puts_[cells_[at] - first_number_];
    if (earlier.op->hash != op.hash || earlier.op->key != op.key)
      continue;
    earlier.is_replaced = true;
    ++replaced_count_;
    break;
  }
  cells_[at] = first_number_ + puts_.size();
  puts_.push_back({&op, false});
}

} // namespace kvs::actors
