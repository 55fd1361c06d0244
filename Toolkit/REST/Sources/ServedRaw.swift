package import MartletContract
package import MartletHTTP

/// An endpoint beside contracts, with its handler.
package struct ServedRaw: Sendable {
    package let route: RawRoute
    package let handle: @Sendable (RawRequest) async throws -> ServerResponse

    package init(_ route: RawRoute, handle: @escaping @Sendable (RawRequest) async throws -> ServerResponse) {
        self.route = route
        self.handle = handle
    }
}
