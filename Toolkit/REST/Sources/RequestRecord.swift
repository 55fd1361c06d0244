/// The outcome of one request, for metrics.
package struct RequestRecord: Sendable, Hashable {
    /// As in `GET`; `OTHER` for a verb that no contract has, so that callers cannot create labels.
    package let verb: String
    /// The path's template, as in `/v1/links/{code}`; empty when there is none.
    package let route: String
    /// The service behind a gateway, `none` without a matching route; `nil` in a service itself.
    package let peer: String?
    package let status: Int
    package let duration: Duration
    /// Empty for a success.
    package let reason: String
}
