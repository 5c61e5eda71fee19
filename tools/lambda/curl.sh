# A static libcurl that speaks HTTP over OpenSSL and nothing else, from the sources of Debian's own package with its
# fixes; the one that Debian ships needs twenty libraries. Sourced: build_curl PREFIX; the caller has say, quietly, jobs
# and lambda_build, a directory.

# Runs apt-get with lists of its own, of sources, so that the machine's stay as they are and nobody need be root.
apt_sources() {
  local here=$lambda_build/apt
  apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$here/sources" -o Dir::State::Lists="$here/lists" \
    -o Dir::Cache="$here/cache" -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}

# Where this machine gets its packages from, as places of sources.
write_apt_sources() {
  local here=$lambda_build/apt file
  rm -rf "$here"
  mkdir -p "$here/sources" "$here/lists/partial" "$here/cache/archives/partial"
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -e "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$here/sources/${file##*/}"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -e "$file" ] || sed -n 's/^deb\( .*\)/deb-src\1/p' "$file" >"$here/sources/${file##*/}"
    [ "$file" != /etc/apt/sources.list ] || [ ! -e "$file" ] || mv "$here/sources/sources.list" "$here/sources/main.list"
  done
}

# Built anew where Debian's package was upgraded.
build_curl() {
  local prefix=$1 here=$lambda_build/curl version
  version=$(dpkg-query -W -f '${source:Version}' libcurl4-openssl-dev)
  [ "$(cat "$here.version" 2>/dev/null)" != "$version" ] || return 0
  say "getting the sources of curl"
  write_apt_sources
  rm -rf "$here" "$prefix"
  mkdir -p "$here"
  apt_sources update >"$here.log" 2>&1 || true # Places of others may have no sources.
  # Those of the version that is installed: the newest may be of another Debian (backports). An older one may be gone.
  (cd "$here" && { apt_sources source "curl=$version" >>"$here.log" 2>&1 || quietly "$here.log" apt_sources source curl; })
  say "building curl, statically"
  quietly "$here.log" cmake -S "$here"/curl-*/ -B "$here/build" -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel \
    -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/lambda-toolchain.cmake" -DCMAKE_INSTALL_PREFIX="$prefix" -DBUILD_CURL_EXE=OFF \
    -DBUILD_TESTING=OFF -DENABLE_MANUAL=OFF -DCURL_USE_OPENSSL=ON -DHTTP_ONLY=ON -DCURL_ZLIB=OFF \
    -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF -DENABLE_UNIX_SOCKETS=OFF -DCURL_DISABLE_ALTSVC=ON \
    -DCURL_DISABLE_COOKIES=ON -DCURL_DISABLE_DOH=ON -DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_MIME=ON \
    -DCURL_DISABLE_NETRC=ON -DCURL_DISABLE_NTLM=ON
  quietly "$here.log" cmake --build "$here/build" --parallel "$jobs" --target install
  printf '%s' "$version" >"$here.version"
}
