// Runs a fuzz target over files that were kept: replay FILE|DIRECTORY...
// So every build runs them, also where the compiler has no fuzzer.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

// The name is libFuzzer's.
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void replay(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  const std::vector<char> bytes{std::istreambuf_iterator<char>{stream}, std::istreambuf_iterator<char>{}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::size_t replayed_count = 0;
  for (int index = 1; index < argument_count; ++index) {
    const std::filesystem::path path{arguments[index]};
    if (!std::filesystem::is_directory(path)) {
      replay(path);
      ++replayed_count;
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator{path}) {
      if (!entry.is_regular_file()) continue;
      replay(entry.path());
      ++replayed_count;
    }
  }
  std::cout << "replayed " << replayed_count << " inputs\n";
  return replayed_count > 0 ? 0 : 1;
}
