#include "net/libcurl.hpp"

#include <string>

#ifndef FANFOLD_CURL_LINKED
#include <dlfcn.h>
#endif

namespace fanfold::net {
namespace {

constexpr unsigned libcurl_version_min = 0x07'58'00;  // 7.88.0

Error unusable_libcurl(std::string detail) {
  return {ErrorCode::invalid_argument, "libcurl, which requests to AWS are sent with, cannot be used: " + detail, {}};
}

#ifdef FANFOLD_CURL_LINKED

Result<Libcurl> find_libcurl() {
  Libcurl found;
#define FANFOLD_FIND(name) found.name = &::curl_##name;
  FANFOLD_LIBCURL_FUNCTIONS(FANFOLD_FIND)
#undef FANFOLD_FIND
  return found;
}

#else

constexpr const char* libcurl_file = "libcurl.so.4";  // Since 2006.

/// What the loader says last, in this thread.
Error libcurl_not_loaded() {
  const char* const why = dlerror();
  return unusable_libcurl(why != nullptr ? why : libcurl_file);
}

/// The library is never closed: what it began in the process may still run.
Result<Libcurl> find_libcurl() {
  void* const library = dlopen(libcurl_file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return libcurl_not_loaded();
  Libcurl found;
#define FANFOLD_FIND(name)                                                            \
  found.name = reinterpret_cast<decltype(found.name)>(dlsym(library, "curl_" #name)); \
  if (found.name == nullptr) return libcurl_not_loaded();
  FANFOLD_LIBCURL_FUNCTIONS(FANFOLD_FIND)
#undef FANFOLD_FIND
  return found;
}

#endif

Result<Libcurl> make_libcurl_ready() {
  auto found = find_libcurl();
  if (!found) return found;
  const curl_version_info_data* const version = found->version_info(CURLVERSION_NOW);
  if (version->version_num < libcurl_version_min)
    return unusable_libcurl(std::string(version->version) + " is older than 7.88");
  if (found->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return unusable_libcurl("it does not start");
  return found;
}

const Result<Libcurl>& libcurl_once() {
  static const Result<Libcurl> result = make_libcurl_ready();
  return result;
}

}  // namespace

Result<void> load_libcurl() {
  const auto& result = libcurl_once();
  if (!result) return result.error();
  return {};
}

const Libcurl& libcurl() noexcept { return *libcurl_once(); }

}  // namespace fanfold::net
