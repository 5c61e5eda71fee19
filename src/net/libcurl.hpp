#pragma once

#include <fanfold/result.hpp>

#include <curl/curl.h>

namespace fanfold::net {

/// The functions of libcurl that are called here, without their "curl_".
#define FANFOLD_LIBCURL_FUNCTIONS(apply)                                                                             \
  apply(global_init) apply(version_info) apply(easy_init) apply(easy_cleanup) apply(easy_setopt) apply(easy_getinfo) \
      apply(easy_strerror) apply(multi_init) apply(multi_cleanup) apply(multi_setopt) apply(multi_strerror)          \
          apply(multi_add_handle) apply(multi_remove_handle) apply(multi_info_read) apply(multi_perform)             \
              apply(multi_poll) apply(multi_wakeup) apply(share_init) apply(share_cleanup) apply(share_setopt)

/// Each as a pointer: `libcurl().easy_init()` is curl_easy_init().
struct Libcurl {
// NOLINTNEXTLINE(bugprone-macro-parentheses): it is the name of a member.
#define FANFOLD_DECLARE(name) decltype(&::curl_##name) name = nullptr;
  FANFOLD_LIBCURL_FUNCTIONS(FANFOLD_DECLARE)
#undef FANFOLD_DECLARE
};

/// Loads libcurl and makes it ready, once in the process: a program that does not use the network has neither it nor
/// the thirty libraries that it brings (docs/adr/0085). Thread-safe; the first call reads files. Errors:
/// invalid_argument where the library cannot be loaded or is older than 7.88.
[[nodiscard]] Result<void> load_libcurl();

/// Only once load_libcurl() has answered without an error.
[[nodiscard]] const Libcurl& libcurl() noexcept;

}  // namespace fanfold::net
