#include "net/ca_bundle.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fanfold::net {
namespace {

std::string find(std::string_view built_in, const std::set<std::string>& files) {
  return find_ca_bundle(built_in, [&](const std::string& path) { return files.contains(path); });
}

constexpr const char* amazon = "/etc/pki/tls/certs/ca-bundle.crt";
constexpr const char* debian = "/etc/ssl/certs/ca-certificates.crt";

TEST(CaBundle, IsTheOneThatLibcurlWasBuiltToUseWhereItIsHere) {
  EXPECT_EQ(find("/opt/certificates.pem", {"/opt/certificates.pem", amazon}), "/opt/certificates.pem");
}

TEST(CaBundle, IsThatOfTheDistributionWhereTheProgramCameFromAnother) {
  EXPECT_EQ(find(debian, {amazon}), amazon);
  EXPECT_EQ(find("", {debian}), debian);
}

TEST(CaBundle, IsNoneWhereThereIsNone) { EXPECT_EQ(find(debian, {}), ""); }

}  // namespace
}  // namespace fanfold::net
