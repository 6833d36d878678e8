// JSON Lines.

#include "apps/client/json_line.hpp"

#include "apps/client/output.hpp"
#include "apps/client/text_encoding.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace kvs::apps {

namespace {

// Finds `name` or `name_base64` in `object`; `wrong` says why there is none.
std::optional<std::string> find_bytes(const json_value& object,
                                      const std::string& name,
                                      std::string& wrong) {
  const auto text = object.find(name);
  if (text != object.end() && text->is_string())
    return text->get<std::string>();
  const auto encoded = object.find(name + "_base64");
  if (encoded != object.end() && encoded->is_string()) {
    if (auto bytes = from_base64(encoded->get_ref<const std::string&>()))
      return bytes;
    wrong = "'" + name + "_base64' is no base64";
    return std::nullopt;
  }
  wrong = "'" + name + "' is missing or no string";
  return std::nullopt;
}

bool find_expiry(const json_value& object, std::int64_t& expiry_ms,
                 std::string& wrong) {
  const auto ttl = object.find("ttl_ms");
  if (ttl == object.end() || ttl->is_null())
    return true;
  // Fractions and numbers beyond 64 bits are not integers to the parser.
  if (!ttl->is_number_integer() || ttl->get<std::int64_t>() < 1) {
    wrong = "'ttl_ms' is no positive whole number";
    return false;
  }
  expiry_ms = ttl->get<std::int64_t>();
  return true;
}

bool find_kind(const json_value& object, protocol::operation_kind& kind,
               std::string& wrong) {
  const auto op = object.find("op");
  if (op == object.end() || *op == "put")
    return true;
  if (*op == "erase") {
    kind = protocol::operation_kind::erase;
    return true;
  }
  wrong = "'op' is neither \"put\" nor \"erase\"";
  return false;
}

} // namespace

std::variant<json_line, std::string> parse_json_line(std::string_view text,
                                                     bool operations) {
  const auto object = json_value::parse(text, nullptr, false);
  if (!object.is_object())
    return "this is no JSON object";
  json_line line;
  std::string wrong;
  if (operations && !find_kind(object, line.kind, wrong))
    return wrong;
  auto key = find_bytes(object, "key", wrong);
  if (!key)
    return wrong;
  line.key = std::move(*key);
  if (line.kind == protocol::operation_kind::erase)
    return line;
  auto value = find_bytes(object, "value", wrong);
  if (!value || !find_expiry(object, line.expiry_ms, wrong))
    return wrong;
  line.value = std::move(*value);
  return line;
}

std::string to_json_line(std::string_view key,
                         const protocol::value_reply& value) {
  json_value object;
  add_bytes(object, "key", key);
  add_bytes(object, "value", value.value);
  if (value.ttl_ms != protocol::ttl_none)
    object["ttl_ms"] = value.ttl_ms;
  return object.dump(-1, ' ', false, json_value::error_handler_t::replace);
}

} // namespace kvs::apps
