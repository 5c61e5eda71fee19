#include "serve/endpoint.hpp"

#include <gtest/gtest.h>

namespace fanfold::serve {
namespace {

TEST(Endpoint, IsThisMachinesOwnWithoutAnAddress) {
  const Endpoint endpoint = parse_endpoint("8780").value();
  EXPECT_EQ(endpoint.address, "127.0.0.1");
  EXPECT_EQ(endpoint.port, 8780);
  EXPECT_TRUE(endpoint.is_loopback());
}

TEST(Endpoint, TakesBothKindsOfAddresses) {
  const Endpoint four = parse_endpoint("0.0.0.0:0").value();
  EXPECT_EQ(four.address, "0.0.0.0");
  EXPECT_FALSE(four.is_loopback());
  const Endpoint six = parse_endpoint("[::1]:65535").value();
  EXPECT_EQ(six.address, "::1");
  EXPECT_EQ(six.port, 65535);
  EXPECT_TRUE(six.is_loopback());
}

TEST(Endpoint, RefusesWhatNamesNoPort) {
  for (const char* wrong :
       {"", ":", ":8780", "a:", "65536", "-1", "8780x", "::1:8780", "[::1]", "[127.0.0.1]:1", "1.2.3.4"}) {
    const auto endpoint = parse_endpoint(wrong);
    ASSERT_FALSE(endpoint.has_value()) << wrong;
    EXPECT_EQ(endpoint.error().code, ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace fanfold::serve
