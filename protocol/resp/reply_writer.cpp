// The rarer replies.

#include "protocol/resp/reply_writer.hpp"

#include "protocol/resp/numbers.hpp"

#include <string>

namespace kvs::protocol::resp {

void reply_writer::error(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n'))
    text.remove_suffix(1);
  auto* to = reinterpret_cast<char*>(out_->grow(text.size() + 3));
  *to++ = '-';
  for (const char each : text)
    *to++ = each == '\r' || each == '\n' ? ' ' : each;
  *to++ = '\r';
  *to = '\n';
}

void reply_writer::bulk_integer(std::int64_t value) {
  bulk(digits_of{value}.view());
}

void reply_writer::dbl(double value) {
  const std::string text = format_double(value);
  if (version_ == 2)
    return bulk(text);
  out_->append(std::string_view{","});
  out_->append(text);
  out_->append(std::string_view{"\r\n"});
}

void reply_writer::boolean(bool value) {
  if (version_ == 2)
    return integer(value ? 1 : 0);
  out_->append(value ? std::string_view{"#t\r\n"} : "#f\r\n");
}

void reply_writer::verbatim(std::string_view extension, std::string_view text) {
  if (version_ == 2)
    return bulk(text);
  header('=', static_cast<std::int64_t>(extension.size() + 1 + text.size()));
  out_->append(extension);
  out_->append(std::string_view{":"});
  out_->append(text);
  out_->append(std::string_view{"\r\n"});
}

void reply_writer::big_number(std::string_view digits) {
  if (version_ == 2)
    return bulk(digits);
  out_->append(std::string_view{"("});
  out_->append(digits);
  out_->append(std::string_view{"\r\n"});
}

} // namespace kvs::protocol::resp
