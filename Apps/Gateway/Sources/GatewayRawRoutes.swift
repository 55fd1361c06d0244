package import MartletContract

/// The endpoints beside contracts that the gateway forwards: those of all services, as a test compares.
///
/// A route is a constant in the target of its service's contract, which this program and the service import.
package enum GatewayRawRoutes {
    package static let all: [RoutedMethod] = []
}
