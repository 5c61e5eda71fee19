#include "net/libcurl.hpp"

#include <string>

#ifndef FANFOLD_CURL_LINKED
#include <dlfcn.h>
#endif

namespace fanfold::net {
namespace {

constexpr unsigned version_min = 0x07'58'00;  // 7.88.0

Error unusable(std::string detail) {
  return {ErrorCode::invalid_argument, "libcurl, which requests to AWS are sent with, cannot be used: " + detail, {}};
}

#ifdef FANFOLD_CURL_LINKED

Result<Libcurl> find() {
  Libcurl found;
#define FANFOLD_FIND(name) found.name = &::curl_##name;
  FANFOLD_LIBCURL_FUNCTIONS(FANFOLD_FIND)
#undef FANFOLD_FIND
  return found;
}

#else

constexpr const char* file_name = "libcurl.so.4";  // Since 2006.

/// What the loader says last, in this thread.
Error not_loaded() {
  const char* const why = dlerror();
  return unusable(why != nullptr ? why : file_name);
}

/// The library is never closed: what it began in the process may still run.
Result<Libcurl> find() {
  void* const library = dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return not_loaded();
  Libcurl found;
#define FANFOLD_FIND(name)                                                            \
  found.name = reinterpret_cast<decltype(found.name)>(dlsym(library, "curl_" #name)); \
  if (found.name == nullptr) return not_loaded();
  FANFOLD_LIBCURL_FUNCTIONS(FANFOLD_FIND)
#undef FANFOLD_FIND
  return found;
}

#endif

Result<Libcurl> find_and_initialize() {
  auto found = find();
  if (!found) return found;
  const curl_version_info_data* const version = found->version_info(CURLVERSION_NOW);
  if (version->version_num < version_min) return unusable(std::string(version->version) + " is older than 7.88");
  if (found->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return unusable("it does not start");
  return found;
}

const Result<Libcurl>& once() {
  static const Result<Libcurl> result = find_and_initialize();
  return result;
}

}  // namespace

Result<void> load_libcurl() {
  const auto& result = once();
  if (!result) return result.error();
  return {};
}

const Libcurl& libcurl() noexcept { return *once(); }

}  // namespace fanfold::net
