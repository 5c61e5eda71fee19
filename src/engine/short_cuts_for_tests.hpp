#pragma once

#include <fanfold/types.hpp>

#include <string>
#include <vector>

namespace fanfold::engine {

/// 0, 1, … count - 1: bodies of tasks.
inline std::vector<int> numbers(int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i) all.push_back(i);
  return all;
}

inline std::string id_of(const MessageKey& key) { return parse_key(key).value().id; }

}  // namespace fanfold::engine
