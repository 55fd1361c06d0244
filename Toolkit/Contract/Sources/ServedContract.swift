public import MartletCore
import MartletSQL
public import SwiftProtobuf

/// A contract and its handler, as gRPC, REST and in-process channels serve it.
public struct ServedContract: Sendable {
    /// The service's full name in the contract.
    public let name: String
    /// OpenAPI 3.1 of this contract, as JSON; empty when it has no REST binding.
    public let openAPI: String
    /// The topics of the contract: its service publishes on them.
    public let topics: [ServedTopic]
    public private(set) var methods: [ServedMethod] = []
    private let service: String
    private let database: any SQLDatabase

    /// - Parameters:
    ///   - name: The service's full name in the contract.
    ///   - openAPI: OpenAPI 3.1, as JSON; empty without a REST binding.
    ///   - topics: The topics of the contract.
    ///   - platform: Of the service whose handlers are added.
    public init(name: String, openAPI: String, topics: [ServedTopic] = [], on platform: some CallPlatform) {
        self.name = name
        self.openAPI = openAPI
        self.topics = topics
        service = platform.service
        database = platform.database
    }

    /// Adds a unary method.
    public mutating func on<Request: ContractMessage, Response: ContractMessage>(
        _ descriptor: MethodDescriptor,
        _ handle: @escaping @Sendable (Request, Call) async throws -> Response
    ) {
        let (service, database) = (service, database)
        methods.append(
            ServedMethod(
                descriptor: descriptor,
                requestShape: Request.shape,
                decode: { try Request(serializedBytes: $0) },
                decodeJSON: { try Request(jsonUTF8Bytes: JSONPairs.joined($0), options: $1) },
                form: .unary { request, context in
                    guard let request = request as? Request else { throw Fault.wrongMessage(descriptor) }
                    try request.checkRules()
                    let call = Call(descriptor, request, context: context, service: service, database: database)
                    return try await handle(request, call)
                }
            )
        )
    }

    /// Adds a server-streaming method.
    public mutating func onStream<Request: ContractMessage, Response: ContractMessage>(
        _ descriptor: MethodDescriptor,
        _ handle: @escaping @Sendable (Request, Call) async throws -> ResponseStream<Response>
    ) {
        let (service, database) = (service, database)
        methods.append(
            ServedMethod(
                descriptor: descriptor,
                requestShape: Request.shape,
                decode: { try Request(serializedBytes: $0) },
                decodeJSON: { try Request(jsonUTF8Bytes: JSONPairs.joined($0), options: $1) },
                form: .serverStream { request, context in
                    guard let request = request as? Request else { throw Fault.wrongMessage(descriptor) }
                    try request.checkRules()
                    let call = Call(descriptor, request, context: context, service: service, database: database)
                    let typed = try await handle(request, call)
                    return ResponseStream { try await typed.pull() }
                }
            )
        )
    }
}

extension Fault {
    static func wrongMessage(_ method: MethodDescriptor) -> Fault {
        Fault(.internal, .internal, "\(method.path) was called with a message of another method")
    }
}

/// One method of a served contract, type-erased.
public struct ServedMethod: Sendable {
    public enum Form: Sendable {
        case unary(@Sendable (any ContractMessage, CallContext) async throws -> any ContractMessage)
        case serverStream(
            @Sendable (any ContractMessage, CallContext) async throws -> ResponseStream<any ContractMessage>
        )
    }

    public let descriptor: MethodDescriptor
    package let requestShape: MessageShape
    /// Decodes a request from its binary form, where the bytes lie.
    public let decode: @Sendable (any SwiftProtobufContiguousBytes) throws -> any ContractMessage
    package let decodeJSON: @Sendable ([UInt8], JSONDecodingOptions) throws -> any ContractMessage
    public let form: Form
}

extension ServedContract {
    /// The same contract with those of its methods that `isServed` accepts.
    package func filter(_ isServed: (MethodDescriptor) -> Bool) -> ServedContract {
        var copy = self
        copy.methods = methods.filter { isServed($0.descriptor) }
        return copy
    }

    /// The same contract with every method's handler replaced; a host adds metrics this way.
    package func mapForms(
        _ change: (MethodDescriptor, ServedMethod.Form) -> ServedMethod.Form
    ) -> ServedContract {
        var copy = self
        copy.methods = methods.map { method in
            ServedMethod(
                descriptor: method.descriptor,
                requestShape: method.requestShape,
                decode: method.decode,
                decodeJSON: method.decodeJSON,
                form: change(method.descriptor, method.form)
            )
        }
        return copy
    }
}
