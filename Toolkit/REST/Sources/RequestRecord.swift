/// The outcome of one request, for metrics.
public struct RequestRecord: Sendable, Hashable {
    /// As in `GET`; `OTHER` for a verb that no contract has, so that callers cannot create labels.
    public let verb: String
    /// The path's template, as in `/v1/orders/{order_id}`; empty when there is none.
    public let route: String
    /// The service behind a gateway, `none` without a matching route; `nil` in a service itself.
    public let peer: String?
    public let status: Int
    public let duration: Duration
    /// Empty for a success.
    public let reason: String
}
