// BITFIELD and BITFIELD_RO.

#include "protocol/resp/bit_arguments.hpp"
#include "protocol/resp/bits.hpp"
#include "protocol/resp/handler_support.hpp"
#include "protocol/resp/handlers.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace kvs::protocol::resp::handlers {

namespace {

struct wide_integer {
  __extension__ using type = __int128;
};

/// Holds any sum of a field and an increment.
using wide = wide_integer::type;

enum class field_action { get, set, increment };
enum class overflow_rule { wrap, saturate, fail };

struct field_operation {
  field_action action{field_action::get};
  overflow_rule rule{overflow_rule::wrap};
  bool is_signed{false};
  int size_bits{0};
  std::uint64_t offset{0};
  std::int64_t operand{0};

  wide lowest() const {
    return is_signed ? -(wide{1} << (size_bits - 1)) : 0;
  }

  wide highest() const {
    return (wide{1} << (is_signed ? size_bits - 1 : size_bits)) - 1;
  }
};

struct bitfield_plan {
  std::vector<field_operation> operations;
  bool writes{false};
  std::uint64_t last_written_bit{0};
};

class plan_reader {
public:
  explicit plan_reader(const command_call& call) : call_(call) {
  }

  /// Nothing after an error reply.
  std::optional<bitfield_plan> read() {
    for (std::size_t i = 2; i < call_.args.size();) {
      const std::size_t taken = read_one(call_.args.subspan(i));
      if (taken == 0)
        return std::nullopt;
      i += taken;
    }
    return std::move(plan_);
  }

private:
  /// How many arguments were taken; none after an error reply.
  std::size_t read_one(std::span<const std::string_view> args) {
    if (is_word(args[0], "overflow") && args.size() >= 2)
      return read_rule(args[1]) ? 2 : 0;
    if (is_word(args[0], "get") && args.size() >= 3)
      return read_operation(field_action::get, args.first(3)) ? 3 : 0;
    if (is_word(args[0], "set") && args.size() >= 4)
      return read_operation(field_action::set, args.first(4)) ? 4 : 0;
    if (is_word(args[0], "incrby") && args.size() >= 4)
      return read_operation(field_action::increment, args.first(4)) ? 4 : 0;
    call_.reply.error(syntax_error);
    return 0;
  }

  bool read_rule(std::string_view word) {
    if (is_word(word, "wrap"))
      rule_ = overflow_rule::wrap;
    else if (is_word(word, "sat"))
      rule_ = overflow_rule::saturate;
    else if (is_word(word, "fail"))
      rule_ = overflow_rule::fail;
    else
      return refuse("ERR Invalid OVERFLOW type specified");
    return true;
  }

  bool read_operation(field_action action,
                      std::span<const std::string_view> args) {
    field_operation operation;
    operation.action = action;
    operation.rule = rule_;
    if (!read_type(args[1], operation))
      return refuse("ERR Invalid bitfield type. Use something like i16 u8. "
                    "Note that u64 is not supported but i64 is.");
    const auto offset
      = bit_offset_or_reply(call_, args[2], operation.size_bits);
    if (!offset)
      return false;
    operation.offset = *offset;
    if (action != field_action::get) {
      const auto operand = integer_or_reply(call_, args[3]);
      if (!operand)
        return false;
      operation.operand = *operand;
      plan_.writes = true;
      plan_.last_written_bit = std::max(
        plan_.last_written_bit,
        *offset + static_cast<std::uint64_t>(operation.size_bits) - 1);
    }
    plan_.operations.push_back(operation);
    return true;
  }

  static bool read_type(std::string_view word, field_operation& operation) {
    if (word.empty() || (word[0] != 'i' && word[0] != 'u'))
      return false;
    operation.is_signed = word[0] == 'i';
    const auto size = to_integer(word.substr(1));
    if (!size || *size < 1 || *size > (operation.is_signed ? 64 : 63))
      return false;
    operation.size_bits = static_cast<int>(*size);
    return true;
  }

  bool refuse(std::string_view why) {
    call_.reply.error(why);
    return false;
  }

  const command_call& call_;
  bitfield_plan plan_;
  overflow_rule rule_{overflow_rule::wrap};
};

/// The field as the number it stands for.
wide load_field(std::string_view bytes, const field_operation& operation) {
  const wide value = read_bits(bytes, operation.offset, operation.size_bits);
  return value > operation.highest() ? value - (wide{1} << operation.size_bits)
                                     : value;
}

/// What is written for `value`, or nothing if it does not fit and must.
std::optional<wide> fit(wide value, const field_operation& operation) {
  if (value >= operation.lowest() && value <= operation.highest())
    return value;
  if (operation.rule == overflow_rule::fail)
    return std::nullopt;
  if (operation.rule == overflow_rule::saturate) {
    // Redis asks how far `value` is from the highest number in 64 bits, which
    // wraps around where it is very low: that saturates at the wrong end.
    constexpr wide int64_max = INT64_MAX;
    const bool wraps = operation.action == field_action::set
                       && operation.size_bits < 64 && operation.is_signed
                       && operation.highest() - value > int64_max;
    return value < 0 && !wraps ? operation.lowest() : operation.highest();
  }
  const wide modulus = wide{1} << operation.size_bits;
  const wide rest = ((value % modulus) + modulus) % modulus;
  return rest > operation.highest() ? rest - modulus : rest;
}

/// What SET writes: a negative number is a large one if the field has no
/// sign.
wide operand_of(const field_operation& operation) {
  return operation.is_signed
           ? wide{operation.operand}
           : wide{static_cast<std::uint64_t>(operation.operand)};
}

/// Carries out a SET or INCRBY; whether the bytes have changed.
bool change_field(const field_operation& operation, std::string& bytes,
                  reply_writer& reply, bool always_counts) {
  const wide old = load_field(bytes, operation);
  const bool is_set = operation.action == field_action::set;
  const auto fitting
    = fit(is_set ? operand_of(operation) : old + operation.operand, operation);
  if (!fitting) {
    reply.null();
    return false;
  }
  reply.integer(static_cast<std::int64_t>(is_set ? old : *fitting));
  write_bits(bytes, operation.offset, operation.size_bits,
             static_cast<std::uint64_t>(*fitting));
  return always_counts || old != *fitting;
}

void run_reads(const command_call& call, const bitfield_plan& plan) {
  const auto* found = find_for_reading(call, call.args[1]);
  const auto bytes = found == nullptr ? std::string_view{} : found->value.bytes;
  call.reply.array(plan.operations.size());
  for (const auto& each : plan.operations)
    call.reply.integer(static_cast<std::int64_t>(load_field(bytes, each)));
}

void run_writes(const command_call& call, const bitfield_plan& plan) {
  const auto key = call.args[1];
  const std::uint64_t size = plan.last_written_bit / 8 + 1;
  const auto found = find_for_writing(call, key);
  const auto old = bytes_of(found);
  const bool grows = !found || size > old.size();
  std::string bytes
    = copy_of(call, old, std::max<std::size_t>(old.size(), size));
  bool has_changed = false;
  call.reply.array(plan.operations.size());
  for (const auto& each : plan.operations) {
    if (each.action == field_action::get)
      call.reply.integer(static_cast<std::int64_t>(load_field(bytes, each)));
    else if (change_field(each, bytes, call.reply, grows))
      has_changed = true;
  }
  if (!has_changed && !grows)
    return;
  const auto deadline = found ? found->expires_at_ms : 0;
  // Room is made even if every write fails, but then it is no event, and
  // nobody's WATCH sees it.
  if (has_changed)
    call.keys.put(key, owned(std::move(bytes)), deadline);
  else
    call.keys.put_unnoticed(key, owned(std::move(bytes)), deadline);
  if (!found)
    call.keys.notify(event_class::new_key, "new", key);
  if (has_changed)
    notify_string(call, "setbit", key);
}

} // namespace

void bitfield(const command_call& call) {
  const auto plan = plan_reader{call}.read();
  if (!plan)
    return;
  if (plan->writes)
    run_writes(call, *plan);
  else
    run_reads(call, *plan);
}

void bitfield_ro(const command_call& call) {
  const auto plan = plan_reader{call}.read();
  if (!plan)
    return;
  if (plan->writes)
    return call.reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  run_reads(call, *plan);
}

} // namespace kvs::protocol::resp::handlers
