/// A crash point in one service.
public struct CrashSite: Sendable, Codable, Hashable, Comparable {
    /// The service's name.
    public let service: String
    /// The crash point's name, as in `outbox.committed`.
    public let point: String

    public init(service: String, point: String) {
        self.service = service
        self.point = point
    }

    /// As in `orders/outbox.committed`.
    public var text: String { "\(service)/\(point)" }

    public static func < (left: CrashSite, right: CrashSite) -> Bool {
        (left.service, left.point) < (right.service, right.point)
    }
}
