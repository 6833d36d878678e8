#include "actors/key_state.hpp"

#include "actors/byte_views.hpp"
#include "storage/record.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace kvs::actors {
namespace {

/// A decimal integer in its only canonical form: no sign but '-', no leading
/// zero, nothing around it. Anything else was not written by an increment.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  auto [end, ec]
    = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  auto digits = text[0] == '-' ? text.substr(1) : text;
  if (digits[0] == '0' && (digits.size() > 1 || text[0] == '-'))
    return std::nullopt;
  return number;
}

} // namespace

std::uint32_t paced_checksum(std::span<const std::byte> value,
                             protocol::pacer& pace) {
  std::uint32_t crc = 0;
  pace.in_pieces(value.size(), [&](std::size_t at, std::size_t count) {
    crc = storage::extend_value_checksum(crc, value.subspan(at, count));
  });
  return crc;
}

bool needs_value(const operation& op) noexcept {
  switch (op.kind) {
    case operation_kind::increment:
    case operation_kind::append:
    case operation_kind::touch:
    case operation_kind::persist:
      return true;
    case operation_kind::update:
      return op.update->needs_value();
    case operation_kind::get:
    case operation_kind::exists:
    case operation_kind::watch:
    case operation_kind::watched:
    case operation_kind::put:
    case operation_kind::erase:
      return false;
  }
  return false;
}

bool key_evaluation::condition_holds(const operation& op) const noexcept {
  switch (op.condition) {
    case write_condition::none:
      return true;
    case write_condition::if_absent:
      return !state_.present;
    case write_condition::if_present:
      return state_.present;
    case write_condition::if_version: {
      // A version that this very evaluation creates is not known to anybody
      // yet, so nobody can mean it.
      auto current = state_.present ? state_.version : 0;
      return (current & change_bit) == 0 && current == op.expected_version;
    }
  }
  return false;
}

answer key_evaluation::apply(const operation& op, protocol::pacer& pace) {
  answer reply;
  reply.ref = op.ref;
  reply.existed = state_.present;
  if (condition_holds(op))
    change(op, reply, pace);
  if (!reply.applied)
    reply.version = state_.present ? state_.version : 0;
  reply.expires_at = state_.expires_at;
  return reply;
}

void key_evaluation::change(const operation& op, answer& reply,
                            protocol::pacer& pace) {
  switch (op.kind) {
    case operation_kind::put:
      put(op);
      return count_change(reply);
    case operation_kind::erase:
      if (!state_.present)
        return;
      state_.present = false;
      state_.expires_at = 0;
      replace_value(nullptr, {}, 0);
      return count_change(reply);
    case operation_kind::increment:
      return increment(op, reply);
    case operation_kind::append:
      return append(op, reply, pace);
    case operation_kind::touch:
    case operation_kind::persist: {
      auto expires_at = op.kind == operation_kind::touch ? op.expires_at : 0;
      if (!state_.present
          || (op.kind == operation_kind::persist && state_.expires_at == 0))
        return;
      state_.expires_at = expires_at;
      return count_change(reply);
    }
    case operation_kind::update:
      return update(op, reply, pace);
    case operation_kind::get:
    case operation_kind::exists:
    case operation_kind::watch:
    case operation_kind::watched:
      reply.applied = state_.present;
      return;
  }
}

void key_evaluation::put(const operation& op) {
  state_.present = true;
  state_.expires_at = op.expires_at;
  // The operation's bytes outlive the evaluation: its message owns them.
  replace_value(nullptr, op.value, op.value_crc);
}

void key_evaluation::increment(const operation& op, answer& reply) {
  std::int64_t number = 0;
  if (state_.present) {
    auto parsed = parse_integer(as_text(state_.value));
    if (!parsed) {
      reply.code = outcome::wrong_type;
      return;
    }
    number = *parsed;
  }
  if (__builtin_add_overflow(number, op.delta, &number)) {
    reply.code = outcome::out_of_range;
    return;
  }
  if (state_.digits.size() < digits_max) {
    auto own = std::make_shared_for_overwrite<std::byte[]>(digits_max);
    state_.digits = {own.get(), digits_max};
    state_.digits_memory = std::move(own);
  }
  // The number that may have been there before has been read.
  auto* text = reinterpret_cast<char*>(state_.digits.data());
  auto end = std::to_chars(text, text + digits_max, number);
  auto bytes = std::as_bytes(std::span{text, end.ptr});
  state_.present = true;
  replace_value(state_.digits_memory, bytes, storage::value_checksum(bytes));
  reply.number = number;
  count_change(reply);
}

void key_evaluation::append(const operation& op, answer& reply,
                            protocol::pacer& pace) {
  std::uint64_t old_size = state_.present ? state_.value.size() : 0;
  if (old_size + op.value.size() > value_bytes_max_) {
    reply.code = outcome::value_too_large;
    return;
  }
  if (old_size == 0) {
    replace_value(nullptr, op.value, op.value_crc);
  } else if (state_.operand_follows) {
    state_.operand_follows = false;
    state_.value = {state_.value.data(), old_size + op.value.size()};
    state_.value_crc = storage::join_value_checksums(
      state_.value_crc, op.value_crc, op.value.size());
  } else if (op.value.size() <= state_.spare.size()) {
    std::copy(op.value.begin(), op.value.end(), state_.spare.begin());
    state_.spare = state_.spare.subspan(op.value.size());
    state_.value = {state_.value.data(), old_size + op.value.size()};
    state_.value_crc
      = storage::extend_value_checksum(state_.value_crc, op.value);
  } else {
    join(op.value, pace);
  }
  state_.present = true;
  reply.number = static_cast<std::int64_t>(state_.value.size());
  count_change(reply);
}

void key_evaluation::join(std::span<const std::byte> more,
                          protocol::pacer& pace) {
  // Half as much again stays free, so that many appends to one value copy it
  // a few times and not once each.
  auto old_size = state_.value.size();
  auto size = old_size + more.size();
  auto spare_bytes = std::min(size / 2, value_bytes_max_ - size);
  auto joined = std::make_shared_for_overwrite<std::byte[]>(size + spare_bytes);
  pace.in_pieces(old_size, [&](std::size_t at, std::size_t count) {
    std::memcpy(joined.get() + at, state_.value.data() + at, count);
  });
  auto crc = state_.value_crc;
  pace.in_pieces(more.size(), [&](std::size_t at, std::size_t count) {
    auto piece = more.subspan(at, count);
    std::memcpy(joined.get() + old_size + at, piece.data(), count);
    crc = storage::extend_value_checksum(crc, piece);
  });
  replace_value(joined, {joined.get(), size}, crc);
  state_.spare = {joined.get() + size, spare_bytes};
}

void key_evaluation::update(const operation& op, answer& reply,
                            protocol::pacer& pace) {
  auto done = op.update->apply(state_, now_, pace);
  reply.result = std::move(done.result);
  using enum update_outcome::change;
  if (done.what == none)
    return;
  if (done.what == erase_key) {
    state_.present = false;
    state_.expires_at = 0;
    replace_value(nullptr, {}, 0);
    return count_change(reply);
  }
  state_.present = true;
  state_.expires_at = done.expires_at;
  if (!done.keeps_value)
    replace_value(std::move(done.memory), done.value,
                  paced_checksum(done.value, pace));
  count_change(reply, !done.is_unnoticed);
}

void key_evaluation::replace_value(memory_owner memory,
                                   std::span<const std::byte> value,
                                   std::uint32_t crc) {
  state_.memory = std::move(memory);
  state_.value = value;
  state_.value_crc = crc;
  state_.spare = {};
  state_.operand_follows = false;
}

void key_evaluation::count_change(answer& reply, bool is_noticed) {
  ++change_count_;
  is_noticed_ = is_noticed_ || is_noticed;
  was_made_ = was_made_ || (is_noticed && state_.present && !reply.existed);
  state_.version = change_bit | change_count_;
  reply.applied = true;
  reply.version = state_.version;
}

void key_evaluation::settle_version(
  answer& reply, storage::sequence_number last) const noexcept {
  if ((reply.version & change_bit) == 0)
    return;
  auto number = reply.version & ~change_bit;
  reply.changed = true;
  reply.version = last - change_count_ + number;
}

} // namespace kvs::actors
