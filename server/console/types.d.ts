/**
 * Types of the console, taken from the OpenAPI document. `towline-api` is generated from it; no file of it is
 * served.
 */
import type { components, paths } from 'towline-api';

export type Schemas = components['schemas'];
export type Me = Schemas['Me'];
export type JobListed = Schemas['JobListed'];
export type JobState = Schemas['JobState'];
export type Job = Schemas['Looked'];
export type JobView = Schemas['JobView'];
export type JobChange = Schemas['JobChange'];
export type NewJob = Schemas['NewJob'];
export type Exception = Schemas['Exception'];
export type ExceptionKind = Schemas['ExceptionKind'];
export type LikelyDuplicate = Schemas['LikelyDuplicate'];
export type Technician = Schemas['TechnicianView'];
export type Van = Schemas['VanView'];
export type Branch = Schemas['Branch'] & { etag: string };
export type User = Schemas['User'] & { etag: string };
export type Device = Schemas['Device'];
export type Part = Schemas['Part'];
export type Corrected = Schemas['Corrected'];
export type Position = Schemas['Position'];
export type Place = Schemas['Place'];
export type Problem = Schemas['ProblemBody'];
export type TimelineItem = Schemas['TimelineItem'];
export type SealView = Schemas['SealView'];
export type Step = Schemas['Step'];
export type Arrival = Schemas['Arrival'];
export type Candidate = Schemas['Candidate'];
export type Candidates = Schemas['Candidates'];
export type CandidateReason = Schemas['CandidateReason'];
export type UnmetRequirement = Schemas['UnmetRequirement'];
export type Proposal = Schemas['Proposal'];
export type ProposalRow = Schemas['ProposalRow'];
export type Timeline = Schemas['Timeline'];
export type TimelineJob = Schemas['TimelineJob'];
export type TimelineTechnician = Schemas['TimelineTechnician'];

export type Method = 'get' | 'post' | 'patch' | 'put' | 'delete';
type Has<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: infer O }
  ? O extends object
    ? P
    : never
  : never;
/** The paths that take a method. */
export type PathOf<M extends Method> = { [P in keyof paths]: Has<P, M> }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: infer O } ? O : never;
type JsonOf<R> = R extends { content: { 'application/json': infer J } } ? J : undefined;
type Good<R> = R extends { 200: infer A } ? JsonOf<A> : R extends { 201: infer A } ? JsonOf<A> : undefined;
/** What a request answers when it is done. */
export type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer R } ? Good<R> : never;
type BodyOf<O> = O extends { requestBody?: { content: infer C } }
  ? C extends { 'application/json': infer B }
    ? B
    : string | Blob
  : never;
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type PathParameters<O> = O extends { parameters: { path: infer Q } } ? { [K in keyof Q]: string } : never;
/** What a request takes besides its path. */
export interface Request<P extends keyof paths, M extends Method> {
  path?: PathParameters<Operation<P, M>>;
  query?: QueryOf<Operation<P, M>>;
  body?: BodyOf<Operation<P, M>>;
  /** The version that was seen, as it stands in `ETag`. */
  ifMatch?: string;
  /** Has the server do a write once, however often it is sent. */
  key?: string;
  type?: string;
  signal?: AbortSignal;
}
export interface Answered<T> {
  data: T;
  etag: string | null;
}
