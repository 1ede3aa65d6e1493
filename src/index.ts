export default {fetch(){return new Response("x")}, queue(){}, scheduled(){}}; import {DurableObject} from "cloudflare:workers"; export class ClickShard extends DurableObject{}
