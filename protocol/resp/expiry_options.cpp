// Parsing of the options of SET and GETEX.

#include "protocol/resp/expiry_options.hpp"

#include "protocol/resp/handler_support.hpp"

#include <limits>

namespace kvs::protocol::resp::handlers {

namespace {

constexpr auto latest_ms = std::numeric_limits<std::int64_t>::max();

class option_reader {
public:
  option_reader(std::span<const std::string_view> args, option_set offered)
    : args_(args), is_set_(offered == option_set::of_set) {
  }

  std::optional<string_options> read(std::size_t first) {
    for (std::size_t i = first; i < args_.size();) {
      if (read_flag(args_[i]))
        i += 1;
      else if (i + 1 < args_.size() && read_expiry(args_[i], args_[i + 1]))
        i += 2;
      else
        return std::nullopt;
    }
    return options_;
  }

private:
  bool read_flag(std::string_view word) {
    if (!is_set_)
      return is_word(word, "persist") && !options_.expiry.is_given()
             && (options_.is_persist = true);
    if (is_word(word, "nx"))
      return !options_.is_xx && (options_.is_nx = true);
    if (is_word(word, "xx"))
      return !options_.is_nx && (options_.is_xx = true);
    if (is_word(word, "get"))
      return options_.wants_old = true;
    return is_word(word, "keepttl") && !options_.expiry.is_given()
           && (options_.keeps_ttl = true);
  }

  // The same unit may come twice, and the last one counts: Redis has it so.
  bool read_expiry(std::string_view word, std::string_view text) {
    const auto unit = unit_named(word);
    if (unit == expiry_unit::none || options_.keeps_ttl || options_.is_persist
        || (options_.expiry.is_given() && options_.expiry.unit != unit))
      return false;
    options_.expiry = {unit, text};
    return true;
  }

  static expiry_unit unit_named(std::string_view word) {
    if (is_word(word, "ex"))
      return expiry_unit::ex;
    if (is_word(word, "px"))
      return expiry_unit::px;
    if (is_word(word, "exat"))
      return expiry_unit::exat;
    return is_word(word, "pxat") ? expiry_unit::pxat : expiry_unit::none;
  }

  std::span<const std::string_view> args_;
  bool is_set_;
  string_options options_;
};

} // namespace

void reply_invalid_expiry(const command_call& call, std::string_view command) {
  std::string text = "ERR invalid expire time in '";
  text += command;
  text += "' command";
  call.reply.error(text);
}

std::optional<string_options>
parse_string_options(std::span<const std::string_view> args, std::size_t first,
                     option_set offered) {
  return option_reader{args, offered}.read(first);
}

std::optional<std::int64_t> deadline_or_reply(const command_call& call,
                                              const expiry_argument& expiry,
                                              std::string_view command) {
  const auto given = integer_or_reply(call, expiry.text);
  if (!given)
    return std::nullopt;
  const bool is_seconds
    = expiry.unit == expiry_unit::ex || expiry.unit == expiry_unit::exat;
  const std::int64_t base_ms = expiry.is_absolute() ? 0 : call.keys.now_ms();
  const std::int64_t unit_ms = is_seconds ? 1000 : 1;
  if (*given <= 0 || *given > latest_ms / unit_ms
      || *given * unit_ms > latest_ms - base_ms) {
    reply_invalid_expiry(call, command);
    return std::nullopt;
  }
  return *given * unit_ms + base_ms;
}

} // namespace kvs::protocol::resp::handlers
