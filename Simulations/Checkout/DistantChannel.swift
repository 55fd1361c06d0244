import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting

/// A channel whose calls take their time, drawn from the seed: so calls overtake one another.
struct DistantChannel: RPCChannel {
    /// Of one direction, in microseconds.
    private static let delayLimit: UInt64 = 20_000

    private let channel: any RPCChannel
    private let time: VirtualTime
    private let entropy: SeededEntropy
    private let traffic: Traffic

    init(over channel: any RPCChannel, time: VirtualTime, entropy: SeededEntropy, traffic: Traffic) {
        self.channel = channel
        self.time = time
        self.entropy = entropy
        self.traffic = traffic
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        try await travel()
        do {
            let response: Response = try await channel.unary(method, request, context)
            try await travel()
            traffic.note(method.path, nil)
            return response
        } catch {
            traffic.note(method.path, "\(Fault(describing: error).reason)")
            throw error
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await travel()
        return try await channel.serverStream(method, request, context)
    }

    private func travel() async throws {
        try await time.sleep(for: .microseconds(Int64(entropy.number(below: Self.delayLimit))))
    }
}
