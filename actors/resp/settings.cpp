#include "actors/resp/settings.hpp"

#include <string_view>

namespace kvs::actors::resp {
namespace {

constexpr std::string_view all_classes = "g$lshzxetd";

constexpr event_flags flags_of_all() {
  event_flags flags = 0;
  for (auto letter : all_classes)
    flags |= event_flag(letter);
  return flags;
}

} // namespace

event_flags parse_event_flags(const std::string& letters) {
  event_flags flags = 0;
  for (auto letter : letters) {
    if (letter == 'A')
      flags |= flags_of_all();
    else if (auto flag = event_flag(letter); flag != 0)
      flags |= flag;
    else
      return unknown_event_flags;
  }
  // Without a kind of channel there is nothing to send.
  return flags;
}

std::string to_letters(event_flags flags) {
  std::string letters;
  if ((flags & flags_of_all()) == flags_of_all()) {
    letters += 'A';
  } else {
    for (auto letter : all_classes)
      if ((flags & event_flag(letter)) != 0)
        letters += letter;
    // As in Redis, where it is shown only here.
    if ((flags & event_flag('n')) != 0)
      letters += 'n';
  }
  for (auto letter : std::string_view{"KEm"})
    if ((flags & event_flag(letter)) != 0)
      letters += letter;
  return letters;
}

} // namespace kvs::actors::resp
