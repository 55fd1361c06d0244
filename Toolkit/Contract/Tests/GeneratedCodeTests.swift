import Foundation
import MartletContract
import MartletCore
import MartletTestContract
import MartletTesting
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Generated code")
struct GeneratedCodeTests {
    let client = ParcelClient(over: InProcessChannel(.parcel(ParcelHandler(), on: NoPlatform())))
    let context = CallContext(principal: Principal(user: "anna", scopes: []))

    @Test("a unary call reaches the handler and returns its response")
    func unary() async throws {
        let request = StoreParcelRequest.with {
            $0.parcelID = "p1"
            $0.items = [
                Item.with {
                    $0.name = "cup"; $0.quantity = 2
                }
            ]
        }
        let response = try await client.storeParcel(request, context: context)
        #expect(response.items == 1)
        #expect(response.by == "anna")
    }

    @Test("a stream delivers all responses in order")
    func stream() async throws {
        let stream = try await client.watchParcel(WatchParcelRequest.with { $0.number = 3 }, context: context)
        var numbers: [UInt32] = []
        for try await response in stream { numbers.append(response.number) }
        #expect(numbers == [1, 2, 3])
    }

    @Test("a request is decoded where its bytes lie")
    func decoded() throws {
        let request = StoreParcelRequest.with { $0.parcelID = "p1" }
        let served = ServedContract.parcel(ParcelHandler(), on: NoPlatform())
        let method = try #require(served.methods.first { $0.descriptor == ParcelMethods.storeParcel })
        let bytes = LentBytes(try request.serializedBytes() as [UInt8])
        #expect(try method.decode(bytes) as? StoreParcelRequest == request)
        #expect(bytes.loans.count == 1)
        #expect(try method.decode(bytes.bytes) as? StoreParcelRequest == request)
    }

    @Test("a request that violates the contract is refused before the handler runs")
    func rules() async throws {
        let request = StoreParcelRequest.with {
            $0.items = [
                Item.with {
                    $0.name = "cup"; $0.quantity = 1
                }, Item.with { $0.quantity = 2000 },
            ]
        }
        let fault = await #expect(throws: Fault.self) { try await client.storeParcel(request, context: context) }
        #expect(fault?.code == .invalidArgument)
        #expect(
            fault?.violations == [
                FieldViolation(field: "parcel_id", rule: "is required"),
                FieldViolation(field: "items[1].name", rule: "is required"),
                FieldViolation(field: "items[1].quantity", rule: "must be 1 to 1000"),
            ]
        )
    }

    @Test("a fault of the handler reaches the client")
    func fault() async throws {
        let request = StoreParcelRequest.with {
            $0.parcelID = "p1"
            $0.shelf = "full"
            $0.items = [
                Item.with {
                    $0.name = "cup"; $0.quantity = 2
                }
            ]
        }
        let fault = await #expect(throws: Fault.self) { try await client.storeParcel(request, context: context) }
        #expect(fault?.reason == "parcel.shelf_full")
    }

    @Test("method descriptors match the contract")
    func descriptors() {
        let store = ParcelMethods.storeParcel
        #expect(store.path == "/martlet.testing.v1.ParcelService/StoreParcel")
        #expect(store.idempotent && store.writes && store.access.scope == "parcels:write")
        #expect(
            store.http == [
                HTTPRule(.put, "/v1/parcels/{parcel_id}", body: "*"),
                HTTPRule(.post, "/v1/shelves/{shelf}/parcels/{parcel_id}", body: "*"),
            ]
        )
        #expect(ParcelMethods.createParcel.idempotent == false)
        #expect(ParcelMethods.weighParcel.http.isEmpty)
        #expect(ParcelMethods.all.map(\.name).first == "StoreParcel")
        #expect(ServedContract.parcel(ParcelHandler(), on: NoPlatform()).methods.map(\.descriptor) == ParcelMethods.all)
    }

    @Test("the OpenAPI document has an operation for every REST binding, each on a line of its own")
    func openAPI() throws {
        let document = try JSONDecoder().decode(Document.self, from: Data(ParcelOpenAPI.document.utf8))
        let lines = ParcelOpenAPI.document.split(separator: "\n")
        for rule in ParcelMethods.all.flatMap(\.http) {
            let verb = rule.verb.rawValue.lowercased()
            let operation = try #require(document.paths[rule.path]?[verb], "\(rule.verb) \(rule.path)")
            let opening = #"      "\#(verb)": {"operationId": "\#(operation.operationId)", "#
            #expect(lines.filter { $0.hasPrefix(opening) }.count == 1)
        }
        #expect(document.paths.values.map(\.count).reduce(0, +) == ParcelMethods.all.flatMap(\.http).count)
        #expect(ServedContract.parcel(ParcelHandler(), on: NoPlatform()).openAPI == ParcelOpenAPI.document)
    }

    private struct Document: Decodable {
        struct Operation: Decodable {
            let operationId: String
        }
        let paths: [String: [String: Operation]]
    }

    @Test("enum names: known values by name, newer values by number")
    func enums() {
        #expect(Size.large.contractName == "SIZE_LARGE")
        #expect(Size.unspecified.isUnspecified)
        #expect(Size(rawValue: 77)?.contractName == "77")
    }

    @Test("shape of a message that contains itself")
    func shape() throws {
        let inner = try #require(Item.shape.fields.last)
        guard case .message(let shape) = inner.kind else {
            Issue.record("'inner' is not a message")
            return
        }
        #expect(inner.repeated && shape().name == "martlet.testing.v1.Item")
        #expect(Parcel.shape.fields.first { $0.name == "machine" }?.oneof == "receiver")
    }
}

/// Bytes that count how often they are lent.
private struct LentBytes: SwiftProtobufContiguousBytes {
    final class Loans: Sendable {
        private let number = Mutex(0)

        var count: Int { number.withLock { $0 } }

        func note() { number.withLock { $0 += 1 } }
    }

    private(set) var bytes: [UInt8]
    let loans = Loans()

    init(repeating byte: UInt8, count: Int) { bytes = [UInt8](repeating: byte, count: count) }

    init<S: Sequence>(_ sequence: S) where S.Element == UInt8 { bytes = Array(sequence) }

    var count: Int { bytes.count }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        loans.note()
        return try bytes.withUnsafeBytes(body)
    }

    mutating func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withUnsafeMutableBytes(body)
    }
}
