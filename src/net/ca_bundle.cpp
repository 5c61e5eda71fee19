#include "net/ca_bundle.hpp"

namespace fanfold::net {

std::string find_ca_bundle(std::string_view built_in, const std::function<bool(const std::string&)>& is_readable) {
  for (const std::string_view candidate : {
           built_in,
           std::string_view("/etc/pki/tls/certs/ca-bundle.crt"),    // Amazon Linux, Fedora
           std::string_view("/etc/ssl/certs/ca-certificates.crt"),  // Debian, Arch
           std::string_view("/etc/ssl/ca-bundle.pem"),              // SUSE
           std::string_view("/etc/ssl/cert.pem"),                   // Alpine
       }) {
    std::string path(candidate);
    if (!path.empty() && is_readable(path)) return path;
  }
  return {};
}

}  // namespace fanfold::net
