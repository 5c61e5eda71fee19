// Writes, at build time, the source of what a new store begins with: see schema_image.hpp.
#include "backends/sqlite/database.hpp"
#include "backends/sqlite/schema_image.hpp"

#include <cstdio>
#include <fstream>

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fputs("usage: schema_image FILE\n", stderr);
    return 2;
  }
  try {
    std::ofstream file(arguments[1], std::ios::binary);
    file << fanfold::sqlite::source_of_built_image(fanfold::sqlite::make_image());
    file.close();
    if (file) return 0;
    std::fprintf(stderr, "schema_image: cannot write %s\n", arguments[1]);
  } catch (const fanfold::sqlite::StorageFailure& failure) {
    std::fprintf(stderr, "schema_image: %s\n", to_string(failure.error).c_str());
  }
  return 1;
}
